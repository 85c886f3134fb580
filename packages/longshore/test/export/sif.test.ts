import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { exportImage, type ImageConfig, parseImageConfig } from '../../src/export/index.ts';
import { finishSif, PARTITION_OFFSET, sifArchitecture } from '../../src/export/sif/format.ts';
import { formatEnvironment, formatRunScript } from '../../src/export/sif/scripts.ts';
import { TarReader } from '../../src/export/tar/reader.ts';
import type { Store } from '../../src/store/index.ts';
import { fakeMksquashfs } from './helpers/fakeConverter.ts';
import { putImage, tempStore } from './helpers/image.ts';
import { directory, file, symlink, tar } from './helpers/tarBuilder.ts';

const run = promisify(execFile);
let home: string;
let store: Store;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-sif-'));
  store = await tempStore(join(home, 'store'));
});
after(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

interface Descriptor {
  readonly type: number;
  readonly name: string;
  readonly bytes: Buffer;
}

/** Reads a SIF by the documented offsets, independent of the writer's constants. */
function readSif(sif: Buffer): { descriptors: Descriptor[]; free: number; dataEnd: number } {
  assert.equal(sif.toString('latin1', 0, 32), '#!/usr/bin/env run-singularity\n\0');
  assert.equal(sif.toString('latin1', 32, 45), 'SIF_MAGIC\x0001\0');
  const number = (at: number): number => Number(sif.readBigInt64LE(at));
  const table = number(96);
  const descriptors: Descriptor[] = [];
  for (let i = 0; i < number(88); i++) {
    const at = table + 585 * i;
    if (sif[at + 4] === 0) continue;
    const offset = number(at + 17);
    descriptors.push({
      type: sif.readInt32LE(at),
      name: sif.toString('latin1', at + 73, at + 201).replace(/\0.*$/s, ''),
      bytes: sif.subarray(offset, offset + number(at + 25)),
    });
  }
  return { descriptors, free: number(80), dataEnd: number(112) + number(120) };
}

async function exportSif(
  layers: readonly Buffer[],
  runtime: Record<string, unknown>,
  reproducible = false,
): Promise<Buffer> {
  const folder = await mkdtemp(join(home, 'out-'));
  await fakeMksquashfs(folder, 'works');
  const path = join(folder, 'image.sif');
  await exportImage({
    store,
    image: await putImage(store, layers, { runtime, architecture: 'arm64' }),
    output: { kind: 'sif', path },
    options: { searchPath: folder, reproducible, jobs: 1, memoryBytes: 2 ** 26 },
  });
  assert.equal((await stat(path)).mode & 0o7777, 0o755);
  return readFile(path);
}

function namesIn(partition: Buffer): Map<string, string> {
  const names = new Map<string, string>();
  let last = '';
  const reader = new TarReader({
    onEntry: (entry) => {
      last = entry.path;
      names.set(last, entry.linkPath);
    },
    onData: (chunk) => {
      names.set(last, (names.get(last) ?? '') + chunk.toString('latin1'));
    },
  });
  reader.write(partition.subarray(partition.indexOf('\n') + 1));
  reader.end();
  return names;
}

describe('a SIF', () => {
  it('holds partition, deffile, labels and the OCI config where readers look for them', async () => {
    const runtime = { Cmd: ['/bin/sh'], Labels: { maintainer: 'me' } };
    const sif = await exportSif([tar(file('a', 'A'))], runtime);
    const { descriptors, free, dataEnd } = readSif(sif);
    assert.deepEqual(
      descriptors.map(({ type, name }) => [type, name]),
      [
        [0x4004, ''],
        [0x4001, ''],
        [0x4003, 'labels.json'],
        [0x4006, 'oci-config.json'],
      ],
    );
    assert.equal(free, 44);
    assert.equal(dataEnd, sif.length);
    assert.equal(sif.toString('latin1', 45, 47), '04', 'arm64');
    const [partition, deffile, labels, config] = descriptors.map(({ bytes }) => bytes);
    assert.equal(partition?.[0], '{'.charCodeAt(0));
    assert.equal(deffile?.toString(), 'bootstrap: docker\nfrom: docker.io/library/example:1\n\n');
    assert.equal(JSON.parse(labels?.toString() ?? '')['maintainer'], 'me');
    assert.deepEqual(JSON.parse(config?.toString() ?? ''), runtime);
  });

  it('brings what Singularity looks for, and keeps what the image has', async () => {
    const base = tar(
      directory('etc/'),
      file('etc/hosts', 'own'),
      symlink('tmp', 'var/tmp'),
      file('environment', 'mine'),
      file('.singularity.d/runscript', 'old'),
    );
    const { descriptors } = readSif(await exportSif([base], { Cmd: ['x'] }));
    const names = namesIn(descriptors[0]?.bytes ?? Buffer.alloc(0));
    assert.equal(names.get('etc/hosts'), 'own');
    assert.equal(names.get('tmp'), 'var/tmp');
    assert.equal(names.get('environment'), 'mine');
    assert.equal(names.get('etc/resolv.conf'), '');
    assert.equal(names.get('.run'), '.singularity.d/actions/run');
    assert.match(names.get('.singularity.d/runscript') ?? '', /set -- x/);
    for (const path of ['proc/', 'sys/', 'dev/', 'home/', 'root/', 'var/tmp/']) {
      assert.ok(names.has(path), path);
    }
  });

  it('is the same twice with --reproducible, and not without', async () => {
    const layers = [tar(file('a', 'A'))];
    const strip = (sif: Buffer): string => sif.toString('latin1').replace(/"\/[^"]*partial"/, '');
    const first = await exportSif(layers, {}, true);
    const second = await exportSif(layers, {}, true);
    assert.equal(strip(first), strip(second));
    assert.equal(Number(first.readBigInt64LE(64)), Date.parse('2024-05-06T07:08:09Z') / 1000);
    assert.notEqual(strip(await exportSif(layers, {}, false)), strip(first));
  });

  it('has a code for each architecture, and one for what it does not know', () => {
    assert.equal(sifArchitecture('amd64'), '02');
    assert.equal(sifArchitecture('ppc64le'), '06');
    assert.equal(sifArchitecture('vax'), '00');
  });

  it('has no room for more than 48 objects', () => {
    const object = { type: 'json', name: 'x', bytes: Buffer.from('{}') } as const;
    const options = {
      architecture: 'amd64',
      partitionEnd: PARTITION_OFFSET + 4096,
      objects: Array.from({ length: 48 }, () => object),
      uuid: Buffer.alloc(16),
      createdAt: 0,
    };
    assert.throws(() => finishSif(options), RangeError);
  });
});

function configOf(runtime: Record<string, unknown>): ImageConfig {
  return parseImageConfig(
    Buffer.from(JSON.stringify({ config: runtime, rootfs: { type: 'layers', diff_ids: [] } })),
  );
}

async function runScript(
  runtime: Record<string, unknown>,
  args: readonly string[],
  cwd = '/',
): Promise<string> {
  const path = join(await mkdtemp(join(home, 'script-')), 'runscript');
  await writeFile(path, formatRunScript(configOf(runtime)));
  return (await run('/bin/sh', [path, ...args], { cwd, timeout: 10_000 })).stdout;
}

describe('the run script', () => {
  const echo = ['/bin/echo', "it's", '$HOME `x` "q" \\'];
  it('puts Entrypoint, Cmd and arguments together as Docker does', async () => {
    const said = `it's $HOME \`x\` "q" \\`;
    assert.equal(await runScript({ Entrypoint: echo, Cmd: ['a  b'] }, []), `${said} a  b\n`);
    assert.equal(await runScript({ Entrypoint: echo, Cmd: ['a'] }, ['c', 'd']), `${said} c d\n`);
    assert.equal(await runScript({ Entrypoint: echo }, []), `${said}\n`);
    assert.equal(await runScript({ Cmd: echo }, []), `${said}\n`);
    assert.equal(await runScript({ Cmd: echo }, ['/bin/echo', 'own']), 'own\n');
    assert.equal(await runScript({}, ['/bin/echo', 'own']), 'own\n');
  });

  it('stays where the caller stands, unless the command can only be found elsewhere', async () => {
    const where = await mkdtemp(join(home, 'where-'));
    assert.equal(await runScript({ Cmd: ['pwd'], WorkingDir: '/usr' }, []), '/\n');
    await writeFile(join(where, 'tool'), '#!/bin/sh\npwd\n', { mode: 0o755 });
    assert.equal(await runScript({ Cmd: ['./tool'], WorkingDir: where }, []), `${where}\n`);
  });

  it('cannot be broken out of by what an image says', async () => {
    const evil = 'x\necho broken; exit 7';
    assert.equal(
      await runScript({ User: evil, WorkingDir: evil, Cmd: ['echo', 'fine'] }, []),
      'fine\n',
    );
  });
});

describe('the environment script', () => {
  async function environment(
    env: readonly string[],
    outside: Record<string, string>,
    name: string,
  ): Promise<string> {
    const path = join(await mkdtemp(join(home, 'env-')), 'env.sh');
    await writeFile(path, `${formatEnvironment(env)}\nprintf %s "$${name}"`);
    return (await run('/bin/sh', [path], { env: outside, timeout: 10_000 })).stdout;
  }

  it('sets what is not set, and PATH always', async () => {
    const env = ['PATH=/image/bin', 'A=1', 'EMPTY=', 'bad-name=x', 'nothing'];
    assert.equal(await environment(env, {}, 'A'), '1');
    assert.equal(await environment(env, { A: '2' }, 'A'), '2');
    assert.equal(await environment(env, { PATH: '/bin' }, 'PATH'), '/image/bin');
    assert.equal(await environment(env, {}, 'EMPTY'), '');
  });

  it('gives back any value byte for byte', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 30 }), async (value) => {
        fc.pre(!value.includes('\0'));
        assert.equal(await environment([`V=${value}`], {}, 'V'), value);
      }),
      { numRuns: 30, examples: [["'"], ["a'b'c"], ['$(id)'], ['\n'], ['\\']] },
    );
  });
});
