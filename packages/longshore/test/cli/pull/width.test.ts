import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseWidth } from '../../../src/cli/pull/width.ts';

test('as wide as pays, unless a number or --serial is given', () => {
  const none = new Map();
  assert.deepEqual(chooseWidth({ workers: undefined, serial: undefined }, none), {
    workers: 'auto',
    serial: false,
  });
  const workers = new Map([['workers', 'flag'] as const]);
  assert.deepEqual(chooseWidth({ workers: 7, serial: undefined }, workers).workers, 7);
  const serial = new Map([['serial', 'flag'] as const]);
  assert.deepEqual(chooseWidth({ workers: undefined, serial: true }, serial), {
    workers: 1,
    serial: true,
  });
});

test('of --serial and --workers the stronger source counts; two flags contradict', () => {
  const both = { workers: 7, serial: true };
  const sources = (workers: 'flag' | 'environment' | 'file', serial: typeof workers) =>
    new Map([['workers', workers] as const, ['serial', serial] as const]);
  assert.deepEqual(chooseWidth(both, sources('flag', 'file')), { workers: 7, serial: false });
  assert.deepEqual(chooseWidth(both, sources('file', 'environment')), {
    workers: 1,
    serial: true,
  });
  assert.throws(() => chooseWidth(both, sources('flag', 'flag')), /contradict/);
});
