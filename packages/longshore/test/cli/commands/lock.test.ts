import assert from 'node:assert/strict';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { cli } from '../support/cli.ts';
import { stage } from '../support/stage.ts';

const timeout = 30_000;

test('a lock is a list that pull reads, with names for engines as before the lock', {
  timeout,
}, async (t) => {
  const { host, cwd, store, one, two } = await stage(t);
  const names = [`${host}/app/one:1`, `${host}/app/two:1`];
  await writeFile(path.join(cwd, 'images.txt'), `${names.join('\n')}\n${names[0]}\n# end\n`);
  const locked = await cli(['lock', '--from', 'images.txt', '--output', 'images.lock'], { cwd });
  assert.equal(locked.exitCode, 0, locked.stderr);
  assert.equal(locked.stdout, '');
  const text = await readFile(path.join(cwd, 'images.lock'), 'utf8');
  const lines = [`${names[0]}@${one.descriptor.digest}`, `${names[1]}@${two.descriptor.digest}`];
  assert.equal(text, `${lines.join('\n')}\n`);
  assert.equal((await cli(['lock', '--from', 'images.lock'], { cwd })).stdout, text);

  const argv = ['pull', '--from', 'images.lock', '--store', store, '--name', 'nextflow'];
  const pulled = await cli([...argv, '--to', 'oci-archive:out/'], { cwd });
  assert.equal(pulled.exitCode, 0, pulled.stderr);
  assert.equal(
    pulled.stdout,
    `${lines[0]} ${one.descriptor.digest}\n${lines[1]} ${two.descriptor.digest}\n`,
  );
  const files = await readdir(path.join(cwd, 'out'));
  assert.equal(files.length, 4);
  const short = `${names[0]?.replaceAll(/[/:]/g, '-')}.img`;
  const long = `${lines[0]?.replaceAll(/[/:]/g, '-')}.img`;
  assert.equal(await readlink(path.join(cwd, 'out', short)), long);
});

test('a list with mistakes is not locked, and all of them are told', { timeout }, async (t) => {
  const { host, cwd } = await stage(t);
  const list = `${host}/app/one:1\nwhat is this?\n${host}/app/none:1\n`;
  const argv = ['lock', '--from', '-', '--output', 'images.lock'];
  const { exitCode, stdout, stderr } = await cli(argv, { cwd, stdin: list });
  assert.equal(exitCode, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^failed what is this\?: stdin:2: Not an image reference/m);
  assert.match(stderr, /^failed .*app\/none:1: stdin:3: /m);
  assert.match(stderr, /nothing was locked: 2 of 3 failed/);
  assert.equal((await readdir(cwd)).includes('images.lock'), false);
  const nowhere = await cli(['lock', `${host}/app/one:1`, '--output', 'no/where'], { cwd });
  assert.equal(nowhere.exitCode, 2);
  assert.match(nowhere.stderr, /^longshore: --output: there is no directory .*\n$/);
});
