import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { checkLine } from '../../../src/cli/schemas/event.ts';
import { schemas } from '../../../src/cli/schemas/jsonSchema.ts';
import { OPTIONS } from '../../../src/cli/settings/options.ts';
import {
  apptainerCacheKey,
  NAMING_SCHEMES,
  SQUASHFS_COMPRESSIONS,
} from '../../../src/export/index.ts';
import { parsePlatform } from '../../../src/image/index.ts';
import { seedImage } from '../../../src/serve/index.ts';
import { openStore, pruneStore } from '../../../src/store/index.ts';
import { fakeMksquashfs } from '../../export/helpers/fakeConverter.ts';
import { cli } from '../support/cli.ts';
import { stage } from '../support/stage.ts';

const timeout = 30_000;

test('images come, stdout has one line each in input order, and a second pull fetches nothing', {
  timeout,
}, async (t) => {
  const { host, cwd, store, one, two } = await stage(t);
  const argv = ['pull', `${host}/app/two:1`, `${host}/app/one:1`, '--store', store];
  const first = await cli(argv, { cwd });
  assert.equal(first.stderr.includes('bug'), false, first.stderr);
  assert.equal(
    first.stdout,
    `${host}/app/two:1 ${two.descriptor.digest}\n${host}/app/one:1 ${one.descriptor.digest}\n`,
  );
  assert.equal(first.exitCode, 0);
  assert.match(first.stderr, /^Pulling 2 images, as many at once as pays\n/);
  assert.match(first.stderr, /Pulled 2 images in /);

  const second = await cli([...argv, '--json', '--progress', 'quiet'], { cwd });
  assert.equal(second.stderr, '');
  const document = JSON.parse(second.stdout);
  assert.equal(document.fetchedBytes, 0);
  assert.equal(document.longshore, '1.2.3');
  schemas.get('pull')?.parse(document);
});

test('a list: junk lines are named by file and line, duplicates told each, the rest goes on', {
  timeout,
}, async (t) => {
  const { host, cwd, store, one } = await stage(t);
  const lines = [
    '\uFEFF# what we need',
    `${host}/app/one:1   # the first`,
    '',
    'what is this?',
    `${host}/app/one:1`,
    `${host}/app/missing:1`,
  ];
  await writeFile(path.join(cwd, 'images.txt'), lines.join('\r\n'));
  const report = path.join(cwd, 'report.json');
  const argv = ['pull', '--from', 'images.txt', '--store', store, '--report', report];
  const { exitCode, stdout, stderr } = await cli(argv, { cwd });
  assert.equal(exitCode, 1);
  assert.equal(stdout, `${host}/app/one:1 ${one.descriptor.digest}\n`.repeat(2));
  assert.match(stderr, /^failed what is this\?: images\.txt:4: Not an image reference/m);
  assert.match(stderr, /^failed .*\/app\/missing:1: /m);
  assert.match(stderr, /^Pulled 2 of 4 images/m);
  assert.match(stderr, /^2 images failed$/m);
  const document = JSON.parse(await readFile(report, 'utf8'));
  schemas.get('report')?.parse(document);
  assert.deepEqual(
    document.images.map(({ where, state }: { where: string; state: string }) => [where, state]),
    [
      ['images.txt:2', 'done'],
      ['images.txt:4', 'failed'],
      ['images.txt:5', 'done'],
      ['images.txt:6', 'failed'],
    ],
  );
  assert.deepEqual(
    (await readdir(cwd)).filter((name) => name.includes('report')),
    ['report.json'],
  );
});

test('a list from stdin, a dry run, and what it would do', { timeout }, async (t) => {
  const { host, cwd, store, one } = await stage(t);
  const argv = ['pull', '--from', '-', '--dry-run', '--store', store];
  const { exitCode, stdout, stderr } = await cli(argv, { cwd, stdin: `${host}/app/one:1\n` });
  assert.equal(exitCode, 0);
  assert.equal(stdout, `${host}/app/one:1 ${one.descriptor.digest}\n`);
  assert.match(stderr, /Nothing was fetched, as --dry-run asks/);
  const listed = await cli(['cache', 'ls', '--json', '--store', store], { cwd });
  assert.deepEqual(JSON.parse(listed.stdout).references, []);
});

test('every line of --progress json is an event of the schema', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t);
  const argv = ['pull', `${host}/app/one:1`, `${host}/no:1`, '--store', store];
  const { stderr, exitCode } = await cli([...argv, '--progress', 'json'], { cwd });
  assert.equal(exitCode, 1);
  const events = stderr
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  for (const event of events) checkLine(event);
  const types = events.map(({ type }) => type);
  assert.equal(types[0], 'run.started');
  assert.equal(types.at(-1), 'run.finished');
  for (const type of ['plan.ready', 'blob.done', 'image.done', 'image.failed']) {
    assert.ok(types.includes(type), type);
  }
});

test('--to writes OCI layouts and layer files beside the store', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t);
  const argv = ['pull', `${host}/app/one:1`, '--store', store];
  const { exitCode } = await cli(
    [...argv, '--to', 'layers:l', '--to', 'oci:o', '--to', 'oci:./o'],
    { cwd },
  );
  assert.equal(exitCode, 0);
  const files = await readdir(path.join(cwd, 'l'));
  assert.equal(files.filter((name) => /^sha256-[0-9a-f]{64}\.tar(\.gz)?$/.test(name)).length, 2);
  assert.ok((await readdir(path.join(cwd, 'o'))).includes('oci-layout'));
});

test('--to makes archives and trees, named for a workflow engine where that is wanted', {
  timeout,
}, async (t) => {
  const { host, cwd, store } = await stage(t);
  const reference = `${host}/app/one:1`;
  const argv = ['pull', reference, '--store', store, '--reproducible'];
  const outputs = [
    '--to',
    'docker-archive:one.tar',
    '--to',
    'rootfs:tree',
    '--to',
    'oci-archive:a/',
  ];
  const { exitCode } = await cli([...argv, ...outputs, '--name', 'nextflow'], { cwd });
  assert.equal(exitCode, 0);
  const nextflow = `${reference.replaceAll(/[/:]/g, '-')}.img`;
  // A naming scheme makes every path a directory of files with the engine's names.
  assert.deepEqual(await readdir(path.join(cwd, 'a')), [nextflow]);
  assert.deepEqual(await readdir(path.join(cwd, 'one.tar')), [nextflow]);
  assert.deepEqual(await readdir(path.join(cwd, 'tree')), [nextflow]);
});

test('a dry run says what outputs will take and what disks and quotas leave, and makes nothing', {
  timeout,
}, async (t) => {
  const { host, cwd, store } = await stage(t);
  const bin = path.join(cwd, 'bin');
  await mkdir(bin);
  const quota = `#!/bin/sh\necho '/ 10 0 ${10 + 300} 0 5 0 7 0'\n`;
  await writeFile(path.join(bin, 'quota'), quota, { mode: 0o755 });
  const references = [`${host}/app/one:1`, `${host}/app/two:1`];
  const argv = ['pull', ...references, '--dry-run', '--store', store, '--json'];
  const to = ['--to', 'docker-archive:archives/'];
  const { exitCode, stdout, stderr } = await cli([...argv, ...to], { cwd, env: { PATH: bin } });
  assert.equal(exitCode, 0, stderr);
  const document = JSON.parse(stdout);
  schemas.get('pull')?.parse(document);
  const [ofStore, ofOutput] = document.outputs;
  assert.equal(ofStore.bytes, document.plan.fetchBytes);
  assert.equal(ofOutput.name, `docker-archive:${path.join(cwd, 'archives/')}`);
  assert.ok(ofOutput.bytes > document.plan.bytes && ofOutput.inodes === 2);
  assert.deepEqual([ofOutput.quotaBytes, ofOutput.quotaInodes], [300 * 1024, 2]);
  assert.match(stderr, /^the store will take .* quota leaves 307 kB and 2 files$/m);
  assert.match(stderr, /^docker-archive:.* will take up to .* in 2 files; .* free, quota leaves/m);
  assert.match(stderr, /^docker-archive:.* may not fit: it needs up to .* has room for 307 kB$/m);
  assert.deepEqual((await readdir(cwd)).toSorted(), ['bin', 'source', 'store']);
});

test('what every SIF needs is looked for before anything is fetched', { timeout }, async (t) => {
  const { host, cwd, store, server } = await stage(t);
  const argv = ['pull', `${host}/app/one:1`, '--store', store, '--to', 'sif:one.sif'];
  const none = await cli(argv, { cwd, env: { PATH: '/nonexistent' } });
  assert.equal(none.exitCode, 3);
  assert.match(none.stderr, /No program is here that makes a squashfs/);
  const bin = path.join(cwd, 'bin');
  await mkdir(bin);
  await fakeMksquashfs(bin, 'works');
  const env = { PATH: bin, APPTAINER_CACHEDIR: path.join(cwd, 'apptainer') };
  for (const says of ['', 'apptainer version 2.0.0']) {
    const script = `#!/bin/sh\necho '${says}'\n`;
    await writeFile(path.join(bin, 'apptainer'), script, { mode: 0o755 });
    const { exitCode, stderr } = await cli([...argv, '--warm-apptainer'], { cwd, env });
    assert.equal(exitCode, 3, stderr);
    assert.match(stderr, /cannot be asked|is not known here/);
  }
  assert.equal(server.stats.requests, 0);
});

test("a SIF goes into Apptainer's cache under the digest that the tag has", {
  timeout,
}, async (t) => {
  const { host, cwd, store } = await stage(t);
  const source = await openStore(path.join(cwd, 'source'));
  const layers = [{ size: 1000, seed: 'both' }];
  const both = await seedImage(source, { name: 'localhost/app/both:1', layers, index: true });
  await source.close();
  const bin = path.join(cwd, 'bin');
  await mkdir(bin);
  await fakeMksquashfs(bin, 'works');
  const script = "#!/bin/sh\necho 'apptainer version 1.4.2'\n";
  await writeFile(path.join(bin, 'apptainer'), script, { mode: 0o755 });
  const env = { PATH: bin, APPTAINER_CACHEDIR: path.join(cwd, 'apptainer') };
  const argv = ['pull', `${host}/app/both:1`, '--store', store, '--to', 'sif:both.sif'];
  const { exitCode, stderr } = await cli([...argv, '--warm-apptainer'], { cwd, env });
  assert.equal(exitCode, 0, stderr);
  const key = apptainerCacheKey(both.descriptor, parsePlatform('linux/amd64'));
  const warmed = path.join(cwd, 'apptainer/cache/oci-tmp', key);
  assert.ok((await readFile(warmed)).equals(await readFile(path.join(cwd, 'both.sif'))));
  const without = ['pull', `${host}/app/both:1`, '--store', store, '--warm-apptainer'];
  assert.equal((await cli(without, { cwd, env })).exitCode, 2);
});

test('what was pulled by the digest of an index is found again without a registry, also after prune', {
  timeout,
}, async (t) => {
  const { host, cwd, store, server } = await stage(t);
  const source = await openStore(path.join(cwd, 'source'));
  const platforms = ['linux/amd64', 'linux/arm64'].map((text) => parsePlatform(text));
  const image = await seedImage(source, { name: 'localhost/app/both:1', platforms });
  await source.close();
  const reference = `${host}/app/both@${image.descriptor.digest}`;
  const argv = ['pull', reference, '--store', store];
  assert.equal((await cli(argv, { cwd })).exitCode, 0);
  const own = await openStore(store);
  const { blobs } = await pruneStore(own, { graceMs: 0 });
  await own.close();
  assert.deepEqual(blobs, []);
  await server.close();
  const again = await cli(argv, { cwd });
  assert.equal(again.exitCode, 0, again.stderr);
  const verified = await cli(['cache', 'verify', '--store', store], { cwd });
  assert.equal(verified.exitCode, 0, verified.stderr);
});

test('limits on what an image unpacks to are options', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t);
  const argv = ['pull', `${host}/app/one:1`, '--store', store, '--to', 'rootfs:tree'];
  const tight = await cli([...argv, '--unpack-limit', 'bytes=1kB'], { cwd });
  assert.equal(tight.exitCode, 1);
  assert.match(tight.stderr, /it unpacks to over 1000 bytes.*--unpack-limit/);
  for (const text of ['bytes', 'size=1', 'ratio=x', 'toString=1']) {
    const { exitCode, stderr } = await cli([...argv, '--unpack-limit', text], { cwd });
    assert.equal(exitCode, 2, stderr);
  }
  assert.equal((await cli([...argv, '--unpack-limit', 'bytes=1MB'], { cwd })).exitCode, 0);
});

test('the choices of options are those of the rooms behind them', () => {
  assert.deepEqual(OPTIONS.name.choices, NAMING_SCHEMES);
  assert.deepEqual(OPTIONS.compression.choices, SQUASHFS_COMPRESSIONS);
});

test('an output of no known kind, or without a path, is one helpful line', {
  timeout,
}, async (t) => {
  const { cwd } = await stage(t);
  for (const [text, told] of [
    ['sfi:x', /sif/],
    ['sif:', /names no path/],
    ['x', /KIND is one of oci, layers/],
  ] as const) {
    const { exitCode, stderr } = await cli(['pull', 'a:1', '--to', text], { cwd });
    assert.equal(exitCode, 2);
    assert.match(stderr, told);
  }
  const all = await cli(['pull', 'a:1', '--platform', 'all', '--to', 'sif:x'], { cwd });
  assert.equal(all.exitCode, 2);
  assert.match(all.stderr, /takes one platform/);
});

test('settings of the file are used by the pull', { timeout }, async (t) => {
  const { host, cwd, one } = await stage(t);
  await writeFile(path.join(cwd, 'longshore.yaml'), 'store: here\nworkers: 3\nprogress: plain\n');
  const { stdout, stderr } = await cli(['pull', `${host}/app/one:1`], { cwd });
  assert.match(stdout, new RegExp(one.descriptor.digest));
  assert.match(stderr, /^Pulling 1 image, 3 at once/);
  assert.ok((await readdir(path.join(cwd, 'here'))).includes('oci-layout'));
});

test('the first Ctrl-C drains, the second stops; 130, and how to go on', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t, {
    faults: { bytesPerSecond: 10_000 },
  });
  const signals = new EventEmitter();
  const argv = ['pull', `${host}/app/one:1`, '--store', store];
  const { exitCode, stdout, stderr } = await cli(argv, {
    cwd,
    signals,
    onStderr: (text) => {
      if (/^1 image resolved/m.test(text)) signals.emit('signal', 'SIGINT');
      if (text.startsWith('Interrupted: finishing'))
        setImmediate(() => signals.emit('signal', 'SIGINT'));
    },
  });
  assert.equal(exitCode, 130, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^Interrupted: finishing what moves; press Ctrl-C again/m);
  assert.match(stderr, /^Interrupted after .*: 0 of 1 image/m);
  assert.ok(
    stderr.includes(`To go on: longshore pull ${host}/app/one:1 --store ${store}\n`),
    stderr,
  );
  assert.equal(signals.listenerCount('signal'), 0);
});

test('a store that cannot be made is exit code 3', { timeout }, async (t) => {
  const { host, cwd } = await stage(t);
  const file = path.join(cwd, 'file');
  await writeFile(file, 'in the way');
  const argv = ['pull', `${host}/app/one:1`, '--store', path.join(file, 'store')];
  const { exitCode, stdout, stderr } = await cli(argv, { cwd });
  assert.equal(exitCode, 3, stderr);
  assert.equal(stdout, '');
  assert.equal(stderr.split('\n').length, 2, stderr);
});
