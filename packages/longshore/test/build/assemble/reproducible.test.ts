import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { MAX_MANIFEST_BYTES, parseManifest } from '../../../src/image/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { targetIn } from '../target.ts';
import { EPOCH_S, useAssemble } from './support.ts';

const DOCKERFILE =
  'FROM scratch AS files\nCOPY . /all/\nFROM scratch\nCOPY --from=files --chown=5 /all /copied\nCOPY Dockerfile *.1 *.2 /some/\nWORKDIR /w\nENV A=1\n';

/** Paths of a context, with what is in each file. */
const contexts = fc.dictionary(
  fc
    .array(fc.constantFrom('a', 'b', 'c.1', 'd.2', 'e \u00e9'), { minLength: 1, maxLength: 3 })
    .map((parts) =>
      parts.map((part, i) => (i === parts.length - 1 ? `${part}.1` : part)).join('/'),
    ),
  fc.string({ maxLength: 40 }),
  { minKeys: 1, maxKeys: 8, noNullPrototype: true },
);

describe('equal input', () => {
  const assemble = useAssemble();

  it('gives equal images, whatever order, times, umask and place it has', async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    t.diagnostic(`seed ${seed}`);
    const home = await mkdtemp(join(tmpdir(), 'longshore-same-'));
    let run = 0;
    const write = async (files: [string, string][], at: number): Promise<string> => {
      const folder = join(home, String(++run));
      for (const [path, text] of [...files, ['Dockerfile', DOCKERFILE] as const]) {
        const full = join(folder, path);
        await mkdir(dirname(full), { recursive: true, mode: 0o755 });
        await writeFile(full, text, { mode: 0o644 });
        await utimes(full, at, at);
      }
      return folder;
    };
    try {
      await fc.assert(
        fc.asyncProperty(contexts, fc.integer({ min: 1, max: 2e9 }), async (files, at) => {
          const entries = Object.entries(files);
          const one = await write(entries, at);
          const other = await write(entries.toReversed(), 2e9 - at);
          const build = async (folder: string): Promise<string> =>
            (await assemble.bench().build(targetIn(folder))).image.digest;
          assert.equal(await build(one), await build(other));
        }),
        { seed, numRuns: 15 },
      );
      await aDifferentUmask(home);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });

  /** What the umask would do to files that this process makes, and whether another store matters. */
  async function aDifferentUmask(home: string): Promise<void> {
    const target = await assemble.bench().target({ Dockerfile: DOCKERFILE, 'a.1': 'a' });
    assert.ok(target.context.kind === 'folder');
    const copy = join(home, 'copy');
    await cp(target.context.path, copy, { recursive: true });
    const { image } = await assemble.bench().build(target);
    const before = process.umask(0o077);
    try {
      await using store = await open(join(home, 'other-store'));
      const built = await assemble.bench().builder.build({
        target: targetIn(copy),
        store,
        bases: new Map(),
        onLog: () => undefined,
        onStep: () => undefined,
        signal: new AbortController().signal,
      });
      assert.deepEqual(built, image);
    } finally {
      process.umask(before);
    }
  }

  it('has one time for everything, and no name of a machine', async () => {
    const { image } = await assemble.build(DOCKERFILE, { 'a.1': 'a' });
    const { manifest, configBytes } = await assemble.bench().load(image);
    const config = JSON.parse(Buffer.from(configBytes).toString());
    assert.equal(config.created, '1970-01-03T00:00:00Z');
    for (const entry of config.history) assert.equal(entry.created, config.created);
    for (const { digest } of manifest.layers) {
      const packed = await assemble.bench().store.read(digest, MAX_MANIFEST_BYTES);
      assert.equal(packed[9], 0xff, 'the system of a gzip');
      assert.equal(packed.readUInt32LE(4), 0, 'the time of a gzip');
      const tar = gunzipSync(packed);
      assert.equal(Number.parseInt(tar.toString('latin1', 136, 147), 8), EPOCH_S);
    }
  });

  it('is compressed once for all that copy it, also at the same time', async () => {
    const { bench } = assemble;
    const target = await bench().target({ Dockerfile: 'FROM scratch\nCOPY big /big\n', big: 'x' });
    assert.ok(target.context.kind === 'folder');
    // Older than the tick of a clock, in which a change would not be seen.
    await new Promise((resolve) => setTimeout(resolve, 30));
    let uploads = 0;
    const counted = new Proxy(bench().store, {
      get: (store, name) => {
        if (name === 'put') {
          return (...all: Parameters<typeof store.put>) => {
            if (all[0].includes('layer')) uploads++;
            return store.put(...all);
          };
        }
        const value: unknown = Reflect.get(store, name);
        return typeof value === 'function' ? value.bind(store) : value;
      },
    });
    const digests = await Promise.all(
      ['1', '2', '3'].map(async (value) => {
        const one = { ...target, labels: { number: value } };
        const built = await bench().builder.build({
          target: one,
          store: counted,
          bases: new Map(),
          onLog: () => undefined,
          onStep: () => undefined,
          signal: new AbortController().signal,
        });
        const manifest = parseManifest(await counted.read(built.digest, MAX_MANIFEST_BYTES));
        return manifest.kind === 'manifest' ? manifest.layers[0]?.digest : undefined;
      }),
    );
    assert.equal(new Set(digests).size, 1);
    assert.equal(uploads, 1);
  });
});

async function open(
  path: string,
): Promise<Awaited<ReturnType<typeof openStore>> & AsyncDisposable> {
  const store = await openStore(path);
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
