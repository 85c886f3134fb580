import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { indexLayers } from '../../src/export/layer/flatten.ts';
import type { LayerSource } from '../../src/export/layer/source.ts';
import { formatHeader } from '../../src/export/tar/writer.ts';
import { parseDigest } from '../../src/image/index.ts';

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/** Buffers that were let go of are given back some time after a collection: the least of a few. */
async function usedBytes(): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 6; i++) {
    if (typeof collect === 'function') collect();
    await setImmediate();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    least = Math.min(least, heapUsed + arrayBuffers);
  }
  return least;
}

/** Names as Debian has them: 60 bytes on average, twelve files a directory. */
function pathOf(i: number): string {
  const group = Math.floor(i / 12);
  return `usr/lib/python3/dist-packages/package${group % 500}/module${group}/file_number_${i}.py`;
}

function endless(count: number): LayerSource {
  const base = { mode: 0o644, uid: 0, gid: 0, mtime: 0, size: 0, type: 'file' as const };
  return {
    descriptor: { digest: parseDigest(`sha256:${'0'.repeat(64)}`), size: 1 },
    open: async () =>
      (async function* (): AsyncGenerator<Buffer> {
        for (let i = 0; i < count; i += 1000) {
          const part = Array.from({ length: 1000 }, (_, k) => pathOf(i + k));
          yield Buffer.concat(part.map((path) => formatHeader({ ...base, path })));
        }
      })(),
  };
}

it('an indexed image takes at most 400 bytes a path', { timeout: 60_000 }, async (t) => {
  const count = 100_000;
  const before = await usedBytes();
  const tree = await indexLayers([endless(count)]);
  const perPath = ((await usedBytes()) - before) / tree.dirents.count;
  t.diagnostic(`${perPath.toFixed(0)} bytes for each of ${tree.dirents.count} paths`);
  assert.ok(tree.dirents.count > count);
  assert.ok(perPath < 400, `${perPath} bytes a path`);
});
