import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readImageUri } from '../../../src/cli/pyxis/uri.ts';

test('images as pyxis and enroot write them', () => {
  const cases: Record<string, string> = {
    'docker://debian:12': 'debian:12',
    'docker://nvcr.io#nvidia/pytorch:24.01': 'nvcr.io/nvidia/pytorch:24.01',
    'docker://nvcr.io/nvidia/pytorch:24.01': 'nvcr.io/nvidia/pytorch:24.01',
    'localhost:5000#a/b': 'localhost:5000/a/b',
    'debian@sha256:ab': 'debian@sha256:ab',
  };
  for (const [uri, reference] of Object.entries(cases)) {
    assert.equal(readImageUri(uri), reference);
  }
  assert.throws(() => readImageUri('dockerd://debian'), /is not docker:\/\/IMAGE/);
  assert.throws(() => readImageUri('docker://me@nvcr.io#a/b'), /names a user/);
});
