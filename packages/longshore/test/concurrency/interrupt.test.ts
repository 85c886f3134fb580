import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { onInterrupt } from '../../src/concurrency/index.ts';

test('the first signal drains, the second terminates, later ones do nothing', () => {
  const source = new EventEmitter();
  const steps: string[] = [];
  const handler = onInterrupt({
    source,
    drain: () => void steps.push('drain'),
    terminate: () => void steps.push('terminate'),
  });
  for (let press = 0; press < 4; press += 1) source.emit('SIGINT');
  assert.deepEqual(steps, ['drain', 'terminate']);
  handler[Symbol.dispose]();
  assert.equal(source.listenerCount('SIGINT'), 0);
});

test('several signals count together', () => {
  const source = new EventEmitter();
  const steps: string[] = [];
  using _handler = onInterrupt({
    source,
    signals: ['SIGINT', 'SIGTERM'],
    drain: () => void steps.push('drain'),
    terminate: () => void steps.push('terminate'),
  });
  source.emit('SIGINT');
  source.emit('SIGTERM');
  assert.deepEqual(steps, ['drain', 'terminate']);
});
