import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { Interrupted } from '../../src/cli/exitCodes.ts';
import type { StopSignal } from '../../src/cli/host.ts';
import { watchInterrupts, withInterrupts } from '../../src/cli/interrupts.ts';

function signals() {
  const emitter = new EventEmitter();
  const onSignal = (listener: (signal: StopSignal) => void): (() => void) => {
    emitter.on('signal', listener);
    return () => void emitter.off('signal', listener);
  };
  const send = (signal: StopSignal): boolean => emitter.emit('signal', signal);
  return { onSignal, send };
}

test('the first Ctrl-C drains, the second stops, the third is no longer ours', () => {
  const { onSignal, send } = signals();
  let drains = 0;
  const { drain, stop } = watchInterrupts({ onSignal }, () => drains++);
  send('SIGINT');
  assert.deepEqual([drain.aborted, stop.aborted, drains], [true, false, 1]);
  send('SIGINT');
  assert.deepEqual([drain.aborted, stop.aborted, drains], [true, true, 1]);
  assert.equal(send('SIGINT'), false);
});

test('SIGTERM and SIGHUP stop at once, also while draining', () => {
  for (const last of ['SIGTERM', 'SIGHUP'] as const) {
    for (const before of [[], ['SIGINT']] as const) {
      const { onSignal, send } = signals();
      const { stop } = watchInterrupts({ onSignal }, () => {});
      for (const signal of before) send(signal);
      send(last);
      assert.equal(stop.aborted, true);
    }
  }
});

test('work without a drain ends as interrupted, whatever it broke with', async () => {
  const { onSignal, send } = signals();
  const working = withInterrupts({ onSignal }, async (signal) => {
    send('SIGINT');
    assert.equal(signal.aborted, true);
    throw new Error('a socket broke');
  });
  await assert.rejects(working, Interrupted);
  await assert.rejects(
    withInterrupts({ onSignal }, () => Promise.reject(new RangeError())),
    RangeError,
  );
  assert.equal(send('SIGINT'), false);
});
