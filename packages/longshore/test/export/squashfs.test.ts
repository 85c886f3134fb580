import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ExportOptions, exportImage, findConverter } from '../../src/export/index.ts';
import {
  type ConversionPlan,
  compressionLevel,
  converterArguments,
} from '../../src/export/squashfs/arguments.ts';
import { TarReader } from '../../src/export/tar/reader.ts';
import type { Store } from '../../src/store/index.ts';
import { type FakeBehaviour, fakeMksquashfs } from './helpers/fakeConverter.ts';
import { putImage, tempStore } from './helpers/image.ts';
import { directory, file, hardlink, pax, symlink, tar } from './helpers/tarBuilder.ts';

let home: string;
let store: Store;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-squashfs-'));
  store = await tempStore(join(home, 'store'));
});
after(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

const layer = tar(
  directory('./', { mode: 0o711, uid: 5 }),
  directory('bin/'),
  file('bin/sh', 'sh', { uname: 'root', uid: 42 }),
  hardlink('bin/ash', 'bin/sh'),
  symlink('sh', 'bin/sh'),
  pax([
    ['SCHILY.xattr.user.kept', 'k'],
    ['SCHILY.xattr.system.posix_acl_access', 'x'],
    ['SCHILY.xattr.trusted.overlay.opaque', 'y'],
  ]),
  file('with-attributes', ''),
);

interface Call {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly names: readonly string[];
}

async function exportWith(
  does: FakeBehaviour,
  options: ExportOptions = {},
  signal?: AbortSignal,
): Promise<{ output: string; directory: string; notes: readonly { code: string }[] }> {
  const folder = await mkdtemp(join(home, 'out-'));
  const tools = await mkdtemp(join(home, 'tools-'));
  await fakeMksquashfs(tools, does);
  const image = await putImage(store, [layer]);
  const path = join(folder, 'image.sqfs');
  const { notes } = await exportImage({
    store,
    image,
    output: { kind: 'squashfs', path },
    options: { searchPath: tools, ...options },
    signal,
  }).catch(async (error: unknown) => {
    assert.deepEqual(await readdir(folder), [], 'something was left behind');
    throw error;
  });
  return { output: path, directory: folder, notes };
}

async function readCall(path: string): Promise<Call> {
  const bytes = await readFile(path);
  const end = bytes.indexOf('\n');
  const names: string[] = [];
  const reader = new TarReader({
    onEntry: (entry) => {
      assert.equal(entry.path.startsWith('/'), false);
      names.push(`${entry.type} ${entry.path}`);
    },
    onData: () => undefined,
  });
  reader.write(bytes.subarray(end + 1));
  reader.end();
  const call: Omit<Call, 'names'> = JSON.parse(bytes.subarray(0, end).toString());
  return { ...call, names };
}

describe('an export to squashfs', () => {
  it('gives the converter a clean tar: parents first, links last, no root', async () => {
    const { output, directory: folder, notes } = await exportWith('works');
    assert.deepEqual(await readdir(folder), ['image.sqfs']);
    const call = await readCall(output);
    assert.deepEqual(call.names, [
      'directory bin/',
      'symlink sh',
      'file with-attributes',
      'file bin/ash',
      'hardlink bin/sh',
    ]);
    assert.equal(call.args[call.args.indexOf('-root-mode') + 1], '711');
    assert.equal(call.env['SOURCE_DATE_EPOCH'], '1700000000');
    assert.deepEqual(Object.keys(call.env).toSorted(), ['LC_ALL', 'SOURCE_DATE_EPOCH', 'TZ']);
    assert.deepEqual(
      notes.map((note) => note.code),
      ['xattrs-left-out', 'root-owner-left-out'],
    );
  });

  it('passes compression, level, threads and memory on', async () => {
    const { output } = await exportWith('works', {
      compression: 'zstd',
      level: 9,
      jobs: 1,
      memoryBytes: 64 * 1024 ** 2,
    });
    const { args } = await readCall(output);
    const text = args.join(' ');
    for (const part of ['-comp zstd', '-Xcompression-level 9', '-processors 1', '-mem 64M']) {
      assert.ok(text.includes(part), `${part} is not in ${text}`);
    }
  });

  it('starts no more threads than may run, whatever is asked for', async () => {
    const { output } = await exportWith('works', { jobs: 1000, memoryBytes: 2 ** 50 });
    const { args } = await readCall(output);
    const given = (flag: string): number => Number.parseInt(args[args.indexOf(flag) + 1] ?? '', 10);
    assert.ok(given('-processors') <= availableParallelism());
    assert.ok(given('-mem') <= totalmem() / 2 ** 21);
  });

  it('gives the file the mode that is asked for', async () => {
    const { output } = await exportWith('works', { mode: 0o640 });
    assert.equal((await stat(output)).mode & 0o7777, 0o640);
  });

  const failures: readonly (readonly [FakeBehaviour, string, RegExp])[] = [
    ['dies', 'ERR_CONVERTER_FAILED', /mksquashfs ended with code 3: FATAL ERROR: something broke/],
    ['is killed', 'ERR_CONVERTER_FAILED', /mksquashfs was ended by SIGKILL/],
    ['fills the disk', 'ERR_DISK_FULL', /No space left/],
    ['is old', 'ERR_CONVERTER_NOT_FOUND', /4\.3.*4\.5 or newer/],
  ];
  for (const [does, code, message] of failures) {
    it(`says what is wrong when the converter ${does}`, { timeout: 20_000 }, async () => {
      await assert.rejects(exportWith(does), { code, message });
    });
  }

  it('names the directory that is not there', async () => {
    const tools = await mkdtemp(join(home, 'tools-'));
    await fakeMksquashfs(tools, 'works');
    const image = await putImage(store, [layer]);
    const path = join(home, 'not/there/x.sqfs');
    await assert.rejects(
      exportImage({
        store,
        image,
        output: { kind: 'squashfs', path },
        options: { searchPath: tools },
      }),
      { code: 'ERR_OUTPUT_WRITE', message: `${path} cannot be written: ENOENT` },
    );
  });

  it('ends a converter that hangs when it is aborted', { timeout: 20_000 }, async () => {
    const abort = new AbortController();
    const big = tar(file('big', Buffer.alloc(40_000_000)));
    const folder = await mkdtemp(join(home, 'out-'));
    const image = await putImage(store, [big]);
    const tools = await mkdtemp(join(home, 'tools-'));
    await fakeMksquashfs(tools, 'hangs');
    const running = exportImage({
      store,
      image,
      output: { kind: 'squashfs', path: join(folder, 'x') },
      options: { searchPath: tools },
      signal: abort.signal,
      onEvent: (event) => {
        if (event.type === 'export.layer-indexed') {
          setTimeout(() => abort.abort(new Error('enough')), 300);
        }
      },
    });
    await assert.rejects(running, /enough/);
    assert.deepEqual(await readdir(folder), []);
  });

  it('says that there is no converter before it reads a byte', async () => {
    const empty = await mkdtemp(join(home, 'none-'));
    await assert.rejects(findConverter({ searchPath: empty }), {
      code: 'ERR_CONVERTER_NOT_FOUND',
      hint: /squashfs-tools/,
    });
    const image = await putImage(store, [layer]);
    await assert.rejects(
      exportImage({
        store: { open: () => assert.fail('a layer was read') },
        image,
        output: { kind: 'sif', path: join(empty, 'x.sif') },
        options: { searchPath: empty },
      }),
      { code: 'ERR_CONVERTER_NOT_FOUND' },
    );
  });
});

describe('the command line of a converter', () => {
  const plan: ConversionPlan = {
    output: '/o',
    offsetBytes: 32_768,
    compression: 'gzip',
    level: 1,
    jobs: 2,
    memoryBytes: 128 * 1024 ** 2,
    rootMode: 0o755,
  };

  it('places the squashfs of mksquashfs at its offset', () => {
    assert.equal(
      converterArguments('mksquashfs', plan).join(' '),
      '- /o -tar -noappend -quiet -no-progress -no-recovery -exit-on-error -root-mode 755 ' +
        '-comp gzip -Xcompression-level 1 -processors 2 -mem 128M -offset 32768',
    );
  });

  it('bounds the queue of tar2sqfs by jobs and memory', () => {
    assert.equal(
      converterArguments('tar2sqfs', plan).join(' '),
      '--quiet --force --no-skip --compressor gzip --comp-extra level=1 --num-jobs 2 --queue-backlog 20 /o',
    );
  });

  it('has a level for every compression that knows levels', () => {
    assert.equal(compressionLevel('gzip', undefined), 1);
    assert.equal(compressionLevel('zstd', undefined), 3);
    assert.equal(compressionLevel('zstd', 19), 19);
    assert.equal(compressionLevel('lz4', undefined), undefined);
    for (const [compression, level] of [
      ['gzip', 0],
      ['gzip', 10],
      ['zstd', 23],
      ['zstd', 1.5],
      ['lz4', 1],
    ] as const) {
      assert.throws(() => compressionLevel(compression, level), { code: 'ERR_OPTION_INVALID' });
    }
  });
});
