// Kinds of layers that tools make, each compared with what umoci unpacks of it; or, where umoci 0.4.7
// cannot read the kind (zstd, GNU tar's old sparse files), of the same content stored plainly.
import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { exportImage, type OutputKind } from '../../src/export/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { type LayerBytes, putImage } from '../export/helpers/image.ts';
import { directory, END, file, hardlink, symlink, tar } from '../export/helpers/tarBuilder.ts';
import { asSquashfs, comparable, describeTree, needs, run, umoci } from './support/exportTools.ts';

const TIMEOUT = { timeout: 120_000 };

let home: string;
let store: Store;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-interop-formats-'));
  store = await openStore(join(home, 'store'));
});
after(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

async function exportTo(kind: OutputKind, layers: readonly LayerBytes[]): Promise<string> {
  const image = await putImage(store, layers);
  const path = join(await mkdtemp(join(home, 'out-')), 'x');
  await exportImage({ store, image, output: { kind, path } });
  return path;
}

type Tree = Record<string, string>;

async function unpackedByUmoci(layers: readonly LayerBytes[]): Promise<Tree> {
  const archive = await exportTo('oci-archive', layers);
  const root = await umoci(archive, await mkdtemp(join(home, 'umoci-')));
  return comparable(await describeTree(root, true));
}

/** Both shapes of `layers` are what umoci makes of `twin`. */
async function assertEqual(
  layers: readonly LayerBytes[],
  twin: readonly LayerBytes[],
): Promise<Tree> {
  const expected = await unpackedByUmoci(twin);
  const rootfs = comparable(await describeTree(await exportTo('rootfs', layers), true));
  assert.deepEqual(rootfs, expected);
  const target = join(await mkdtemp(join(home, 'unsquash-')), 'root');
  await run('unsquashfs', ['-no-progress', '-d', target, await exportTo('squashfs', layers)]);
  assert.deepEqual(asSquashfs(await describeTree(target, true)), asSquashfs(expected));
  return expected;
}

const ENTRIES = [
  directory('usr/'),
  file('usr/one', 'one'.repeat(1000)),
  file('usr/two', Buffer.alloc(300_000, 'two')),
  symlink('usr/link', 'one'),
  hardlink('usr/hard', 'usr/two'),
  file('last', 'x'),
];
const PLAIN = tar(...ENTRIES);
const CHANGES = tar(file('usr/.wh.one', ''), file('usr/new', 'n'));

describe('zstd layers', () => {
  const skippable = Buffer.from('502a4d180400000001020304', 'hex');
  const kinds: Readonly<Record<string, (plain: Buffer) => Buffer>> = {
    'of one frame': (plain) => zstdCompressSync(plain),
    'of a frame for each entry, as zstd:chunked has them': () =>
      Buffer.concat([...ENTRIES, END].map((part) => zstdCompressSync(part)).concat(skippable)),
    'with a skippable frame first and between': (plain) =>
      Buffer.concat([
        skippable,
        zstdCompressSync(plain.subarray(0, 1000)),
        skippable,
        zstdCompressSync(plain.subarray(1000)),
      ]),
  };
  for (const [name, compress] of Object.entries(kinds)) {
    it(name, TIMEOUT, async (t) => {
      if (!(await needs(t, 'umoci', 'mksquashfs', 'unsquashfs', 'getfattr'))) return;
      const layers = [
        { tar: PLAIN, stored: compress(PLAIN) },
        { tar: CHANGES, stored: zstdCompressSync(CHANGES) },
      ];
      const found = await assertEqual(layers, [PLAIN, CHANGES]);
      assert.deepEqual(Object.keys(found).toSorted(), [
        '/last',
        '/usr',
        '/usr/hard',
        '/usr/link',
        '/usr/new',
        '/usr/two',
      ]);
    });
  }
});

/** A gzip member for each entry, then the table of contents as an entry, then the footer: 51 bytes. */
function eStargz(): LayerBytes {
  const landmark = file('.no.prefetch.landmark', '\x0f');
  const contents = file('stargz.index.json', '{"version":1,"entries":[]}');
  const members = [landmark, ...ENTRIES].map((part) => gzipSync(part));
  const offset = members.reduce((sum, { length }) => sum + length, 0);
  const pointer = `${offset.toString(16).padStart(16, '0')}STARGZ`;
  const footer = Buffer.concat([
    Buffer.from('1f8b08040000000000ff1a00', 'hex'),
    Buffer.from('SG\x16\x00', 'latin1'),
    Buffer.from(pointer, 'latin1'),
    Buffer.from('010000ffff0000000000000000', 'hex'),
  ]);
  assert.equal(footer.length, 51);
  const plain = Buffer.concat([landmark, ...ENTRIES, contents, END]);
  return {
    tar: plain,
    stored: Buffer.concat([...members, gzipSync(Buffer.concat([contents, END])), footer]),
  };
}

it('an eStargz layer is read as the gzip that it is', TIMEOUT, async (t) => {
  if (!(await needs(t, 'umoci', 'mksquashfs', 'unsquashfs', 'getfattr'))) return;
  const layer = eStargz();
  const found = await assertEqual([layer, CHANGES], [layer, CHANGES]);
  assert.ok('/stargz.index.json' in found);
});

describe('sparse files that GNU tar has packed', () => {
  const kinds: Readonly<Record<string, readonly string[]>> = {
    'in its old format': ['--format=gnu'],
    'as PAX 0.0': ['--format=posix', '--sparse-version=0.0'],
    'as PAX 0.1': ['--format=posix', '--sparse-version=0.1'],
    'as PAX 1.0': ['--format=posix', '--sparse-version=1.0'],
  };
  for (const [name, options] of Object.entries(kinds)) {
    it(name, TIMEOUT, async (t) => {
      if (!(await needs(t, 'tar', 'umoci', 'mksquashfs', 'unsquashfs', 'getfattr'))) return;
      const tree = await mkdtemp(join(home, 'sparse-'));
      // More runs than the header of the old format holds, data at both ends, and none at all.
      await writeSparse(join(tree, 'many'), 60, 40 * 65_536);
      await writeSparse(join(tree, 'open'), 3, 100 * 65_536);
      await writeSparse(join(tree, 'hole'), 0, 5_000_000);
      const pack = async (...how: readonly string[]): Promise<Buffer> => {
        const archive = join(await mkdtemp(join(home, 'packed-')), 'layer.tar');
        await run('tar', ['-C', tree, '--mtime=@1700000000', ...how, '-cf', archive, '.']);
        return readFile(archive);
      };
      const bytes = await pack('--sparse', ...options);
      assert.ok(bytes.length < 4_500_000, `${bytes.length}: nothing sparse in it`);
      const layer = { tar: bytes, stored: gzipSync(bytes) };
      const isOld = options.includes('--format=gnu');
      const found = await assertEqual([layer], [isOld ? await pack() : layer]);
      assert.equal(Object.keys(found).length, 3);
    });
  }
});

/** A file of `size` bytes with this many stretches of data, 64 KiB apart. */
async function writeSparse(path: string, runs: number, size: number): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.truncate(size);
    for (let i = 0; i < runs; i++) {
      const at = i * 2 * 65_536;
      await handle.write(Buffer.alloc(65_536, i + 1), 0, 65_536, at);
    }
  } finally {
    await handle.close();
  }
}
