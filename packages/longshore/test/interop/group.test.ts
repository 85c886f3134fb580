// Two users of one group on one store, and one directory of images, whatever their umasks.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRegistryServer, seedImage } from '../../src/serve/index.ts';
import { openStore } from '../../src/store/index.ts';
import { makeTempFolder } from './support/files.ts';
import { runProgram, skipWithout } from './support/programs.ts';

const BIN = join(import.meta.dirname, '../../bin/longshore.js');
const GROUP = 64_990;
const USERS = [
  { uid: 64_991, umask: '077' },
  { uid: 64_992, umask: '022' },
] as const;
const MB = 1_000_000;

type User = (typeof USERS)[number];

/** A command as that user, in the group, with the umask. */
function as({ uid, umask }: User, ...args: readonly string[]): readonly string[] {
  const ids = [`--reuid=${uid}`, `--regid=${uid}`, `--groups=${GROUP}`];
  const inner = `umask ${umask}; exec "$@"`;
  return [...ids, '/bin/sh', '-c', inner, 'sh', process.execPath, BIN, ...args];
}

test('two users share a store and a directory of SIFs', {
  timeout: 120_000,
  skip: process.geteuid?.() === 0 ? skipWithout('setpriv', 'mksquashfs') : 'NOT TESTED: no root',
}, async (t) => {
  await using folder = await makeTempFolder('group');
  await chmod(folder.path, 0o755);
  const [one, two] = USERS;
  const env = { HOME: '/nonexistent', LONGSHORE_STORE: undefined };
  const readable = await runProgram('setpriv', [...as(one, '--version')], { env });
  if (readable.status !== 0) return t.skip('NOT TESTED: other users cannot read this checkout');
  const [store, images] = [join(folder.path, 'store'), join(folder.path, 'images')];
  for (const path of [store, images]) {
    await mkdir(path);
    await chown(path, 0, GROUP);
    await chmod(path, 0o2775);
  }
  const source = await openStore(join(folder.path, 'source'));
  const shared = [{ size: 6 * MB, seed: 'shared' }];
  for (const name of ['a', 'b', 'c']) {
    const layers = [...shared, { size: MB, seed: name }];
    await seedImage(source, { name: `localhost/${name}:1`, layers });
  }
  await using server = await createRegistryServer({
    store: source,
    faults: { rules: [{ on: { kind: 'blob' }, bytesPerSecond: 3 * MB }] },
  });
  const reference = (name: string): string => `${server.host}/${name}:1`;
  const flags = ['--store', store, '--progress', 'json'];
  const run = (user: User, ...args: readonly string[]) =>
    runProgram('setpriv', [...as(user, ...args, ...flags)], { env });

  // The one is killed in the middle of the shared layer, the other goes on from there. Each stream may
  // lose 512 KiB, so there is one only.
  const first = spawn('setpriv', as(one, 'pull', reference('a'), '--workers', '1', ...flags), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  for await (const text of first.stderr.setEncoding('utf8')) {
    said += text;
    const done = [...said.matchAll(/"doneBytes":(\d+)/g)].map((match) => Number(match[1]));
    if (Math.max(0, ...done) > 2 * MB) first.kill('SIGKILL');
  }
  if (first.exitCode === null && first.signalCode === null) await once(first, 'exit');
  assert.equal(first.signalCode, 'SIGKILL', said);
  const resumed = await run(two, 'pull', reference('a'));
  assert.equal(resumed.status, 0, resumed.stderr);
  const kept = Number(/"resumableBytes":(\d+)/.exec(resumed.stderr)?.[1]);
  assert.ok(kept > MB, `${kept} bytes of the other user's download were used`);

  // A lease that is just being made: its folder is opened to the group a moment after it is there.
  const d = await seedImage(source, { name: 'localhost/d:1', layers: [{ size: MB, seed: 'd' }] });
  const lease = join(store, 'leases', d.layers[0]?.digest.replace(':', '-') ?? '');
  await mkdir(lease, { mode: 0o700 });
  await chown(lease, one.uid, GROUP);
  const waiting = spawn('setpriv', as(two, 'pull', reference('d'), ...flags), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  for await (const text of waiting.stderr.setEncoding('utf8')) {
    if (!told.includes('plan.ready') && `${told}${text}`.includes('plan.ready')) {
      setTimeout(() => void chmod(lease, 0o2775), 60);
    }
    told += text;
  }
  if (waiting.exitCode === null) await once(waiting, 'exit');
  assert.equal(waiting.exitCode, 0, told);

  // Both at once, with images that overlap.
  const sink = ['--to', `sif:${images}/`];
  const both = await Promise.all([
    run(one, 'pull', reference('a'), reference('b'), ...sink),
    run(two, 'pull', reference('b'), reference('c'), ...sink),
  ]);
  for (const { status, stderr } of both) assert.equal(status, 0, stderr);
  assert.equal((await readdir(images)).length, 3);
  for (const name of await readdir(images)) {
    const { mode, gid } = await stat(join(images, name));
    assert.deepEqual([mode & 0o777, gid], [0o755, GROUP], name);
  }
  const blobs = join(store, 'blobs/sha256');
  for (const name of await readdir(blobs)) {
    const { mode, gid } = await stat(join(blobs, name));
    assert.deepEqual([mode & 0o777, gid], [0o444, GROUP], name);
  }
  for (const user of USERS) {
    const { status, stderr } = await runProgram(
      'setpriv',
      [...as(user, 'cache', 'verify', '--store', store)],
      { env },
    );
    assert.equal(status, 0, stderr);
  }

  // Whoever tidies up leaves a store that the others can go on with.
  const cache = async (user: User, ...args: readonly string[]): Promise<void> => {
    const { status, stderr } = await runProgram(
      'setpriv',
      [...as(user, 'cache', ...args, '--store', store)],
      { env },
    );
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
  };
  await cache(one, 'prune', '--max-size', '1');
  await assertShared(store);
  await cache(one, 'verify', '--repair');
  await assertShared(store);
  await cache(one, 'clear', '--yes');
  await assertShared(store);
  const after = await run(two, 'pull', reference('c'));
  assert.equal(after.status, 0, after.stderr);
  await assertShared(store);
  const last = await run(one, 'pull', reference('a'));
  assert.equal(last.status, 0, last.stderr);
  await source.close();
});

/** Everything in a store but blobs can be changed by its group. */
async function assertShared(store: string): Promise<void> {
  for (const name of await readdir(store, { recursive: true })) {
    const stats = await stat(join(store, name));
    const wanted = stats.isDirectory() ? 0o2775 : name.startsWith('blobs/') ? 0o444 : 0o664;
    assert.deepEqual([stats.mode & 0o7777, stats.gid], [wanted, GROUP], name);
  }
}
