import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkLine } from '../../../src/cli/schemas/event.ts';
import { schemas } from '../../../src/cli/schemas/jsonSchema.ts';
import { createRegistryServer } from '../../../src/serve/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { cli } from '../support/cli.ts';
import { stage } from '../support/stage.ts';

const timeout = 30_000;

/** A second registry, empty, beside that of the stage. */
async function emptyRegistry(cwd: string) {
  const store = await openStore(path.join(cwd, 'other'));
  const server = await createRegistryServer({ store });
  return {
    server,
    store,
    host: server.host,
    async [Symbol.asyncDispose]() {
      await server.close();
      await store.close();
    },
  };
}

test('a push: from the store to where it is named, and unchanged the next time', {
  timeout,
}, async (t) => {
  const { host, cwd, store, one } = await stage(t);
  await using other = await emptyRegistry(cwd);
  await cli(['pull', `${host}/app/one:1`, '--store', store], { cwd });
  const argv = ['push', `${host}/app/one:1=${other.host}/mirror/one:2`, '--store', store];
  const first = await cli(argv, { cwd });
  assert.equal(first.stdout, `${other.host}/mirror/one:2 ${one.descriptor.digest}\n`);
  assert.equal(first.exitCode, 0);
  assert.match(first.stderr, /^Pushing 1 image, as many at once as pays\n/);
  assert.match(first.stderr, /^pushed .*\/mirror\/one:2 sha256:/m);
  assert.match(first.stderr, /Pushed 1 image in .*: .* sent/);
  const again = await cli([...argv, '--json', '--progress', 'quiet'], { cwd });
  assert.equal(again.stderr, '');
  const document = JSON.parse(again.stdout);
  schemas.get('push')?.parse(document);
  assert.equal(document.images[0].state, 'unchanged');
  assert.equal(document.sentBytes, 0);
});

test('a push of a list names each failure with its line, and pushes the rest', {
  timeout,
}, async (t) => {
  const { host, cwd, store } = await stage(t);
  await using other = await emptyRegistry(cwd);
  await cli(['pull', `${host}/app/one:1`, `${host}/app/two:1`, '--store', store], { cwd });
  const lines = [
    `${host}/app/one:1 ${other.host}/a/one:1`,
    `${host}/app/two:1=${other.host}/a/two:1 # with an equals sign`,
    `${host}/app/none:1=${other.host}/a/none:1`,
    `${host}/app/one:1=What is this?`,
  ];
  await writeFile(path.join(cwd, 'images.txt'), lines.join('\n'));
  const report = path.join(cwd, 'report.json');
  const argv = ['push', '--from', 'images.txt', '--store', store, '--report', report];
  const { exitCode, stdout, stderr } = await cli(argv, { cwd });
  assert.equal(exitCode, 1);
  assert.equal(stdout.trim().split('\n').length, 2);
  assert.match(stderr, /none:1: The store at .* has no image/);
  assert.match(stderr, /images\.txt:4: Not an image reference/);
  const document = JSON.parse(await readFile(report, 'utf8'));
  schemas.get('push')?.parse(document);
  const states = document.images.map((image: { state: string }) => image.state);
  assert.deepEqual(states, ['pushed', 'pushed', 'failed', 'failed']);
});

test('every line of a push as JSON is as its schema says', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t);
  await using other = await emptyRegistry(cwd);
  await cli(['pull', `${host}/app/one:1`, '--store', store], { cwd });
  const { stderr } = await cli(
    [
      'push',
      `${host}/app/one:1=${other.host}/one:1`,
      '--store',
      store,
      '--progress',
      'json',
      '--pushers',
      '2',
      '--chunk-size',
      '100KB',
    ],
    { cwd },
  );
  const lines = stderr.trim().split('\n');
  for (const line of lines) checkLine(JSON.parse(line));
  const types = new Set(lines.map((line) => JSON.parse(line).type));
  for (const type of ['run.started', 'blob.pushed', 'image.done', 'progress', 'run.finished']) {
    assert.ok(types.has(type), `${type} is missing`);
  }
});

test('a copy goes from registry to registry; what cannot be had is named', {
  timeout,
}, async (t) => {
  const { host, cwd, store, one, two } = await stage(t);
  await using other = await emptyRegistry(cwd);
  const single = await cli(
    ['copy', `${host}/app/one:1`, `${other.host}/app/one:1`, '--store', store],
    { cwd },
  );
  assert.equal(single.stdout, `${other.host}/app/one:1 ${one.descriptor.digest}\n`);
  assert.equal(single.exitCode, 0, single.stderr);
  const pairs = [
    `${host}/app/two:1 ${other.host}/app/two:1`,
    `${host}/app/missing:1 ${other.host}/app/missing:1`,
  ];
  await writeFile(path.join(cwd, 'pairs.txt'), pairs.join('\n'));
  const many = await cli(['copy', '--from', 'pairs.txt', '--store', store, '--json'], { cwd });
  assert.equal(many.exitCode, 1);
  const document = JSON.parse(many.stdout);
  schemas.get('push')?.parse(document);
  assert.equal(document.verb, 'copy');
  assert.deepEqual(
    document.images.map((image: { state: string }) => image.state),
    ['pushed', 'failed'],
  );
  assert.equal(document.images[0].digest, two.descriptor.digest);
  assert.equal(
    (await other.store.getReference('localhost/app/two:1'))?.digest,
    two.descriptor.digest,
  );
});

test('a copy is of what its pull has found, whatever becomes of the name in the store meanwhile', {
  timeout,
}, async (t) => {
  const { host, cwd, store, one, server, two } = await stage(t);
  await using other = await emptyRegistry(cwd);
  await writeFile(
    path.join(cwd, 'pairs.txt'),
    `${host}/app/one:1 ${other.host}/a/one:1\n${host}/app/two:1 ${other.host}/a/two:1\n`,
  );
  // The first image is there at once; the second holds the copy up until the name of the first is another's.
  const slow = two.layers[1];
  assert.ok(slow !== undefined);
  const on = { kind: 'blob', digest: slow.digest } as const;
  server.faults = { rules: [{ on, bytesPerSecond: 50_000 }] };
  const copying = cli(['copy', '--from', 'pairs.txt', '--store', store], { cwd });
  const shared = await openStore(store);
  const name = `${host}/app/one:1`;
  while ((await shared.getReference(name)) === undefined) await sleep(10);
  await shared.setReference(name, two.descriptor);
  await shared.close();
  const { exitCode, stderr } = await copying;
  assert.equal(exitCode, 0, stderr);
  const copied = await other.store.getReference('localhost/a/one:1');
  assert.equal(copied?.digest, one.descriptor.digest);
});

test('mistakes are told before anything is done', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t);
  const run = (...argv: string[]) => cli([...argv, '--store', store], { cwd });
  const nothing = await run('push');
  assert.equal(nothing.exitCode, 2);
  assert.match(nothing.stderr, /no image is named/);
  const half = await run('copy', `${host}/app/one:1`);
  assert.equal(half.exitCode, 2);
  assert.match(half.stderr, /has no destination/);
  await writeFile(path.join(cwd, 'bad.txt'), `${host}/app/one:1 ${host}/Mirror/one:1`);
  const upper = await run('copy', '--from', 'bad.txt');
  assert.equal(upper.exitCode, 2);
  assert.match(upper.stderr, /^longshore: bad\.txt:1: .*Mirror/);
  await writeFile(path.join(cwd, 'bad.txt'), `${host}/app/one:1 ${host}/b/one:1 extra`);
  const three = await run('copy', '--from', 'bad.txt');
  assert.equal(three.exitCode, 2);
  assert.match(three.stderr, /one:1 extra"/);
  assert.equal((await run('push', 'a:1', '--pushers', '0')).exitCode, 2);
});

test('an interrupted push says how to go on, and leaves no upload open', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t);
  await using other = await emptyRegistry(cwd);
  await cli(['pull', `${host}/app/one:1`, '--store', store], { cwd });
  other.server.faults = { rules: [{ on: { method: 'PUT' }, bytesPerSecond: 1000 }] };
  const signals = new EventEmitter();
  const pushing = cli(
    ['push', `${host}/app/one:1=${other.host}/one:1`, '--store', store, '--progress', 'plain'],
    { cwd, signals },
  );
  const waiting = setInterval(() => {
    if (other.server.stats.log.some(({ method }) => method === 'PUT')) {
      signals.emit('signal', 'SIGINT');
      signals.emit('signal', 'SIGINT');
    }
  }, 20);
  const { exitCode, stderr } = await pushing.finally(() => clearInterval(waiting));
  assert.equal(exitCode, 130);
  assert.match(stderr, /To go on: longshore push/);
  await other.server.idle();
  const deleted = other.server.stats.log.filter(({ method }) => method === 'DELETE');
  assert.ok(deleted.length >= 1);
});
