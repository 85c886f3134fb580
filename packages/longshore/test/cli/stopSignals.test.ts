import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { StopSignal } from '../../src/cli/host.ts';
import { onStopSignal } from '../../src/cli/stopSignals.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

test('each signal is heard until nobody listens any more', () => {
  const source = new EventEmitter();
  const heard: StopSignal[] = [];
  const unsubscribe = onStopSignal(source, (signal) => heard.push(signal), { hangups: true });
  for (const signal of SIGNALS.slice(0, 2)) source.emit(signal, signal);
  unsubscribe();
  assert.deepEqual(heard, ['SIGINT', 'SIGTERM']);
  for (const signal of SIGNALS) assert.equal(source.listenerCount(signal), 0, signal);
});

test('a hangup does not end what a signal before it has stopped', () => {
  for (const first of SIGNALS) {
    const source = new EventEmitter();
    const heard: StopSignal[] = [];
    const unsubscribe = onStopSignal(
      source,
      (signal) => {
        unsubscribe();
        heard.push(signal);
      },
      { hangups: true },
    );
    source.emit(first, first);
    assert.equal(source.emit('SIGHUP', 'SIGHUP'), true, 'still heard, or it ends the process');
    assert.deepEqual(heard, [first]);
    assert.equal(source.listenerCount('SIGTERM'), 0);
  }
});

test('a process that outlives its terminal hears no hangup', () => {
  const source = new EventEmitter();
  onStopSignal(source, () => {}, { hangups: false });
  assert.deepEqual(
    SIGNALS.map((signal) => source.listenerCount(signal)),
    [1, 1, 0],
  );
});
