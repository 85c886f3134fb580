import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { schemas } from '../../../src/cli/schemas/jsonSchema.ts';
import { cli } from '../support/cli.ts';
import { stage } from '../support/stage.ts';

const timeout = 30_000;

test('it asks the registry of an image, writes nothing to it, and makes no store', {
  timeout,
}, async (t) => {
  const { host, cwd, store, server } = await stage(t);
  const argv = ['doctor', `${host}/app/one:1`, '--store', store, '--json'];
  const { exitCode, stdout, stderr } = await cli(argv, { cwd });
  assert.equal(exitCode, 0, stderr);
  const document = JSON.parse(stdout);
  schemas.get('doctor')?.parse(document);
  assert.equal(document.facts.registry.ranges, true);
  assert.equal(document.facts.registry.blobOrigin, `http://${host}`);
  assert.equal((await readdir(cwd)).includes('store'), false);
  const written = server.stats.log.filter(({ method }) => !['GET', 'HEAD'].includes(method));
  assert.deepEqual(written, []);
});

test('with --write it says whether chunks and mounts are taken', { timeout }, async (t) => {
  const { host, cwd, store, server } = await stage(t);
  const argv = ['doctor', `${host}/app/one:1`, '--write', `${host}/scratch`, '--store', store];
  const { stdout } = await cli(argv, { cwd });
  assert.match(stdout, /Uploads to .*scratch arrive\n/);
  assert.match(stdout, /takes uploads in chunks/);
  assert.match(stdout, /mounts blobs of other repositories/);
  const posts = server.stats.log.filter(({ method }) => method === 'POST');
  assert.ok(posts.length > 0 && posts.every(({ repository }) => repository === 'scratch'));
  server.faults = { refuseMounts: true };
  assert.match((await cli(argv, { cwd })).stdout, /declines mounts/);
});

test('a registry that takes nothing is exit code 3, with the reason', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t, { readOnly: true });
  const write = ['doctor', '--write', `${host}/scratch`, '--store', store];
  const readOnly = await cli(write, { cwd });
  assert.equal(readOnly.exitCode, 3);
  assert.match(readOnly.stdout, /^registry +BLOCKER +.*read-only/m);
  const missing = await cli(['doctor', `${host}/none:1`, '--store', store], { cwd });
  assert.equal(missing.exitCode, 3);
  assert.match(missing.stdout, /^Narrowest: .*none/m);
});

test('a store that cannot be written is exit code 3', { timeout }, async (t) => {
  const { cwd } = await stage(t);
  const { exitCode, stdout } = await cli(['doctor', '--store', '/proc/store'], { cwd });
  assert.equal(exitCode, 3);
  assert.match(stdout, /^store +BLOCKER +.*\/proc\/store/m);
  assert.match(stdout, /^Narrowest: .*--store DIR\.$/m);
});

test('docker is asked as it is found on the path', { timeout }, async (t) => {
  const { cwd, store } = await stage(t);
  const bin = path.join(cwd, 'bin');
  await mkdir(bin);
  const script = [
    '#!/bin/sh',
    'case "$1" in',
    '--version) echo "Docker version 20.10.24" ;;',
    `info) echo '{"ServerVersion":"","ServerErrors":["no daemon at unix:///x"]}'; exit 1 ;;`,
    '*) exit 1 ;;',
    'esac',
  ];
  await writeFile(path.join(bin, 'docker'), `${script.join('\n')}\n`);
  await chmod(path.join(bin, 'docker'), 0o755);
  const { exitCode, stdout } = await cli(['doctor', '--store', store], { cwd, env: { PATH: bin } });
  assert.equal(exitCode, 0);
  assert.match(stdout, /does not answer: no daemon at unix:\/\/\/x/);
  assert.match(stdout, /docker has no buildx/);
});

test('an image and a repository of two registries are a mistake', { timeout }, async (t) => {
  const { host, cwd } = await stage(t);
  const { exitCode, stderr } = await cli(['doctor', host, '--write', 'other.test/x'], { cwd });
  assert.equal(exitCode, 2);
  assert.match(stderr, /--write/);
});
