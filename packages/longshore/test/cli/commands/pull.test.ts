import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { checkLine } from '../../../src/cli/schemas/event.ts';
import { schemas } from '../../../src/cli/schemas/jsonSchema.ts';
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
