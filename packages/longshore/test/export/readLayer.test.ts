import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { decompress } from '../../src/export/layer/decompress.ts';
import { indexLayers } from '../../src/export/layer/flatten.ts';
import { LayerBudget } from '../../src/export/layer/limits.ts';
import { memoryFile, memoryLayer } from '../../src/export/layer/memoryLayer.ts';
import { readLayer } from '../../src/export/layer/readLayer.ts';
import type { LayerSource } from '../../src/export/layer/source.ts';
import { brief, flatten, inPieces, layerOf } from './helpers/layers.ts';
import { file, pax, tar } from './helpers/tarBuilder.ts';

const plain = tar(file('a', 'hello'), file('b', 'x'.repeat(5000)));
const content = { a: ':hello', b: `:${'x'.repeat(5000)}` };

/** A frame that decompressors pass over; `zstd:chunked` and eStargz-like tools keep notes in them. */
function skippable(bytes: number): Buffer {
  const frame = Buffer.alloc(8 + bytes, 0x5a);
  frame.writeUInt32LE(0x184d2a53, 0);
  frame.writeUInt32LE(bytes, 4);
  return frame;
}

function manyFrames(bytes: Buffer, length: number): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += length) {
    frames.push(zstdCompressSync(bytes.subarray(at, at + length)), skippable(at % 7));
  }
  return Buffer.concat(frames);
}

describe('a layer', () => {
  const stored: Record<string, Buffer> = {
    'as a plain tar': plain,
    gzipped: gzipSync(plain),
    'gzipped in members, as pigz and eStargz do': Buffer.concat([
      gzipSync(plain.subarray(0, 700)),
      gzipSync(plain.subarray(700)),
    ]),
    'gzipped with zeros behind': Buffer.concat([gzipSync(plain), Buffer.alloc(512)]),
    'in one zstd frame': zstdCompressSync(plain),
    'in many zstd frames': manyFrames(plain, 300),
    'behind a skippable frame': Buffer.concat([skippable(40), zstdCompressSync(plain)]),
  };
  for (const [name, bytes] of Object.entries(stored)) {
    it(`is read ${name}`, { timeout: 10_000 }, async () => {
      assert.deepEqual(brief(await flatten([layerOf(plain, bytes)])), content);
    });
  }

  it('may be empty', async () => {
    assert.deepEqual(brief(await flatten([layerOf(Buffer.alloc(0)), layerOf(tar())])), {});
  });

  const broken: Record<string, readonly [string, Buffer]> = {
    'gzip data that is cut': ['ERR_LAYER_CORRUPT', gzipSync(plain).subarray(0, -12)],
    'gzip data with rubbish behind': [
      'ERR_LAYER_CORRUPT',
      Buffer.concat([gzipSync(plain), Buffer.from('rubbish')]),
    ],
    'gzip data that is damaged': [
      'ERR_LAYER_CORRUPT',
      Buffer.concat([gzipSync(plain).subarray(0, 20), deflateRawSync(Buffer.alloc(100))]),
    ],
    'zstd data that is cut': ['ERR_LAYER_CORRUPT', zstdCompressSync(plain).subarray(0, -6)],
    'zstd data with rubbish behind': [
      'ERR_LAYER_CORRUPT',
      Buffer.concat([zstdCompressSync(plain), Buffer.from('rubbish')]),
    ],
    'zstd data cut between two blocks': [
      'ERR_LAYER_CORRUPT',
      manyFrames(plain, 300).subarray(0, -20),
    ],
    'another tar than its config says': ['ERR_LAYER_DIFF_ID', gzipSync(tar(file('a', 'evil')))],
    'bytes behind the tar that its config does not know': [
      'ERR_LAYER_DIFF_ID',
      gzipSync(Buffer.concat([plain, Buffer.alloc(512)])),
    ],
    'a tar that is cut': ['ERR_TAR_INVALID', gzipSync(plain.subarray(0, 1000))],
  };
  for (const [name, [code, bytes]] of Object.entries(broken)) {
    it(`is refused for ${name}`, { timeout: 10_000 }, async () => {
      await assert.rejects(flatten([layerOf(plain, bytes)]), (error: unknown) => {
        assert.ok(error instanceof Error && 'code' in error, String(error));
        assert.equal(error.code, code);
        assert.match(error.message, /^Layer [0-9a-f]{12}: /);
        return true;
      });
    });
  }

  it('from memory is read as often as anybody likes', async () => {
    // Larger than what Node keeps in a pool, where memory could be given back by mistake.
    const long = memoryFile('labels', 'x'.repeat(200_000), { mode: 0o644, mtime: 0 });
    const source = memoryLayer([long]);
    for (let reading = 0; reading < 3; reading++) {
      assert.equal((await readLayer(source, { budget: new LayerBudget({}, 0) })).length, 1);
    }
  });

  it('is refused when its two readings differ', async () => {
    const first = layerOf(plain);
    let opened = 0;
    const fickle: LayerSource = {
      ...first,
      open: async () => inPieces(opened++ === 0 ? plain : tar(file('a', 'other!')), 512),
    };
    await assert.rejects(flatten([fickle]), { code: 'ERR_LAYER_CHANGED' });
  });

  it('lets an abort through', async () => {
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await assert.rejects(indexLayers([layerOf(plain)], { signal: abort.signal }), /enough/);
  });

  it('is decompressed alike however its bytes are cut', { timeout: 30_000 }, async () => {
    const frames = manyFrames(plain, 500);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4000 }), async (length) => {
        const chunks: Buffer[] = [];
        for await (const chunk of decompress(inPieces(frames, length))) chunks.push(chunk);
        assert.ok(Buffer.concat(chunks).equals(plain));
      }),
      { numRuns: 40 },
    );
  });
});

describe('limits', () => {
  const one = (bytes: Buffer): readonly LayerSource[] => [layerOf(bytes, gzipSync(bytes))];

  it('stop too many entries, also ones that only paths imply', async () => {
    const limits = { maxEntries: 50 };
    const files = tar(...Array.from({ length: 51 }, (_, i) => file(`f${i}`, '')));
    await assert.rejects(indexLayers(one(files), { limits }), { code: 'ERR_LIMIT_ENTRIES' });
    const deep = tar(...Array.from({ length: 9 }, (_, i) => file(`${i}/${'d/'.repeat(20)}f`, '')));
    await assert.rejects(indexLayers(one(deep), { limits }), { code: 'ERR_LIMIT_ENTRIES' });
  });

  it('stop too many bytes, holes of sparse files counted', async () => {
    const limits = { maxBytes: 100_000 };
    const big = tar(file('big', Buffer.alloc(100_001)));
    await assert.rejects(indexLayers(one(big), { limits }), { code: 'ERR_LIMIT_BYTES' });
    const bomb = tar(
      pax([
        ['GNU.sparse.size', '1000000000'],
        ['GNU.sparse.map', '0,1'],
      ]),
      file('bomb', 'x'),
    );
    await assert.rejects(indexLayers(one(bomb), { limits }), { code: 'ERR_LIMIT_BYTES' });
  });

  it('stop what grows out of all proportion', async () => {
    const bomb = tar(
      pax([
        ['GNU.sparse.size', String(2 ** 31)],
        ['GNU.sparse.map', '0,1'],
      ]),
      file('bomb', 'x'),
    );
    await assert.rejects(indexLayers(one(bomb)), { code: 'ERR_LIMIT_RATIO' });
  });

  it('stop names and attributes that would fill the memory', async () => {
    const limits = { maxNameBytes: 10_000 };
    const attributes = tar(
      ...Array.from({ length: 10 }, (_, i) => [
        pax([['SCHILY.xattr.user.x', `${i}`.repeat(2000)]]),
        file(`f${i}`, ''),
      ]).flat(),
    );
    await assert.rejects(indexLayers(one(attributes), { limits }), { code: 'ERR_LIMIT_NAMES' });
    const same = tar(
      ...Array.from({ length: 10 }, (_, i) => [
        pax([['SCHILY.xattr.user.x', 'same'.repeat(500)]]),
        file(`f${i}`, ''),
      ]).flat(),
    );
    assert.equal((await indexLayers(one(same), { limits })).inodeCount, 10);
  });
});
