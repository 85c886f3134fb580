import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { fakeMksquashfs } from '../../export/helpers/fakeConverter.ts';
import { cli } from '../support/cli.ts';
import { stage } from '../support/stage.ts';

const timeout = 30_000;

test('get prints one path, makes the file once, and release leaves it there', {
  timeout,
}, async (t) => {
  const { host, cwd, store, one } = await stage(t);
  const tools = path.join(cwd, 'tools');
  await mkdir(tools);
  await fakeMksquashfs(tools, 'works');
  const env = { PATH: tools };
  const argv = ['pyxis', 'get', `docker://${host}#app/one:1`, '--store', store];
  const options = ['--squashfs-dir', 'sq', '--compression', 'zstd', '--level', '7'];
  const got = await cli([...argv, ...options], { cwd, env });
  assert.equal(got.exitCode, 0, got.stderr);
  const file = path.join(cwd, 'sq', `${one.descriptor.digest.slice('sha256:'.length)}.sqfs`);
  assert.equal(got.stdout, `${file}\n`);
  const [head = ''] = (await readFile(file, 'latin1')).split('\n', 1);
  assert.match(head, /"-comp","zstd","-Xcompression-level","7"/);

  const { ino } = await stat(file);
  assert.equal((await cli(['pyxis', 'release'], { cwd, env })).exitCode, 0);
  assert.equal((await cli([...argv, ...options], { cwd, env })).stdout, `${file}\n`);
  assert.equal((await stat(file)).ino, ino);
});

test('get without a converter, or of what is not there, prints no path', {
  timeout,
}, async (t) => {
  const { host, cwd, store } = await stage(t);
  const env = { PATH: cwd };
  const argv = ['pyxis', 'get', '--store', store, '--squashfs-dir', 'sq', '--progress', 'quiet'];
  for (const [name, message] of [
    ['app/one:1', /mksquashfs/],
    ['app/none:1', /app\/none/],
  ] as const) {
    const result = await cli([...argv, `docker://${host}/${name}`], { cwd, env });
    assert.equal(result.exitCode, 1, result.stderr);
    assert.equal(result.stdout, '');
    assert.match(result.stderr, message);
  }
});

test('several images become files named for an engine, at a level of their compression', {
  timeout,
}, async (t) => {
  const { host, cwd, store } = await stage(t);
  const tools = path.join(cwd, 'tools');
  await mkdir(tools);
  await fakeMksquashfs(tools, 'works');
  const names = [`${host}/app/one:1`, `${host}/app/two:1`];
  const argv = ['pull', ...names, '--store', store, '--to', 'squashfs:out/', '--name', 'nextflow'];
  const env = { PATH: tools };
  const wrong = await cli([...argv, '--level', '12'], { cwd, env });
  assert.equal(wrong.exitCode, 2);
  assert.match(wrong.stderr, /^longshore: .*gzip has the levels 1 to 9, not 12.*\n$/);
  const right = await cli([...argv, '--level', '9'], { cwd, env });
  assert.equal(right.exitCode, 0, right.stderr);
  const files = names.map((name) => `${name.replaceAll(/[/:]/g, '-')}.img`);
  assert.deepEqual((await readdir(path.join(cwd, 'out'))).toSorted(), files.toSorted());
  for (const file of files) {
    const [head = ''] = (await readFile(path.join(cwd, 'out', file), 'latin1')).split('\n', 1);
    assert.match(head, /"-Xcompression-level","9"/);
  }
});
