import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OUTPUT_KINDS, parseOutput } from '../../src/export/index.ts';

describe('parseOutput', () => {
  it('reads a kind and a path, colons in the path kept', () => {
    assert.deepEqual(parseOutput('sif:/a/b:c.sif'), { kind: 'sif', path: '/a/b:c.sif' });
    for (const kind of OUTPUT_KINDS) assert.equal(parseOutput(`${kind}:x`).kind, kind);
  });

  it('refuses what it cannot mean', () => {
    for (const text of ['', 'sif', 'sif:', ':x', 'SIF:x', 'tar:x', 'sif:a\0b', '__proto__:x']) {
      assert.throws(() => parseOutput(text), { code: 'ERR_OUTPUT_INVALID' }, text);
    }
  });
});
