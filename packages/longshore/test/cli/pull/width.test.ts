import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseWidth } from '../../../src/cli/pull/width.ts';

test('two for each CPU, unless a number or --serial is given', () => {
  const none = new Map();
  assert.deepEqual(chooseWidth({ workers: undefined, serial: undefined }, none, 2), {
    workers: 4,
    serial: false,
  });
  assert.deepEqual(chooseWidth({ workers: undefined, serial: undefined }, none, 512), {
    workers: 256,
    serial: false,
  });
  const workers = new Map([['workers', 'flag'] as const]);
  assert.deepEqual(chooseWidth({ workers: 7, serial: undefined }, workers, 2).workers, 7);
  const serial = new Map([['serial', 'flag'] as const]);
  assert.deepEqual(chooseWidth({ workers: undefined, serial: true }, serial, 2), {
    workers: 1,
    serial: true,
  });
});

test('of --serial and --workers the stronger source counts; two flags contradict', () => {
  const both = { workers: 7, serial: true };
  const sources = (workers: 'flag' | 'environment' | 'file', serial: typeof workers) =>
    new Map([['workers', workers] as const, ['serial', serial] as const]);
  assert.deepEqual(chooseWidth(both, sources('flag', 'file'), 2), { workers: 7, serial: false });
  assert.deepEqual(chooseWidth(both, sources('file', 'environment'), 2), {
    workers: 1,
    serial: true,
  });
  assert.throws(() => chooseWidth(both, sources('flag', 'flag'), 2), /contradict/);
});
