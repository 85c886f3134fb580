import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { openStore } from '../../../src/store/index.ts';
import { cli } from '../support/cli.ts';
import { stage } from '../support/stage.ts';

const timeout = 30_000;

test('locked images cross an air gap: lock, pull, pack, take in, and pull without a registry', {
  timeout,
}, async (t) => {
  const { host, server, cwd, store, one, two } = await stage(t);
  const far = path.join(cwd, 'far');
  const run = async (...argv: string[]) => {
    const result = await cli(argv, { cwd });
    assert.equal(result.exitCode, 0, `${argv.join(' ')}: ${result.stderr}`);
    return result;
  };
  await run('lock', `${host}/app/one:1`, '--output', 'one.lock');
  await run('lock', `${host}/app/one:1`, `${host}/app/two:1`, '--output', 'both.lock');
  await run('pull', '--from', 'both.lock', '--store', store);

  assert.equal((await run('bundle', 'inventory', '--store', far)).stdout, '');
  const pack = ['bundle', 'create', '--store', store];
  const first = await run(...pack, '--from', 'one.lock', '--output', 'one.bundle');
  assert.equal(first.stdout, `${path.join(cwd, 'one.bundle')}\n`);
  assert.match(first.stderr, /^4 blobs, [\d.]+ kB\n$/);
  const taken = await run('bundle', 'import', 'one.bundle', '--store', far);
  assert.equal(taken.stdout, `${host}/app/one:1@${one.descriptor.digest}\n`);

  await run('bundle', 'inventory', '--store', far, '--output', 'far.txt');
  const both = ['--from', 'both.lock', '--output', 'both.bundle'];
  const second = await run(...pack, ...both, '--have', 'far.txt');
  assert.match(second.stderr, /^3 blobs, .*, 4 left out as the other side has them\n$/);

  const refused = await cli(['bundle', 'import', 'both.bundle', '--store', 'empty'], { cwd });
  assert.equal(refused.exitCode, 2, refused.stderr);
  assert.match(refused.stderr, /^longshore: The bundle lacks .*\n$/);

  await run('bundle', 'import', 'both.bundle', '--store', far);
  await server.close();
  const pulled = await run('pull', '--from', 'both.lock', '--store', far, '--to', 'oci:out');
  assert.ok(pulled.stdout.endsWith(` ${two.descriptor.digest}\n`));
  const verified = await run('cache', 'verify', '--store', far, '--json');
  assert.deepEqual(JSON.parse(verified.stdout).problems, []);
});

test('an archive goes into a pipe that is there, which stays one', {
  timeout,
}, async (t) => {
  const { host, cwd, store } = await stage(t);
  const run = (...argv: string[]) => cli([...argv, '--store', store], { cwd });
  await run('pull', `${host}/app/one:1`);
  await run('bundle', 'create', `${host}/app/one:1`, '--output', 'one.bundle');
  const pipe = path.join(cwd, 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  const [through, made] = await Promise.all([
    readFile(pipe),
    run('bundle', 'create', `${host}/app/one:1`, '--output', 'pipe'),
  ]);
  assert.equal(made.exitCode, 0, made.stderr);
  assert.equal(made.stdout, `${pipe}\n`);
  assert.deepEqual(through, await readFile(path.join(cwd, 'one.bundle')));
  const [archive, pulled] = await Promise.all([
    readFile(pipe),
    run('pull', `${host}/app/one:1`, '--to', 'docker-archive:pipe'),
  ]);
  assert.match(pulled.stdout, /one:1 sha256:\w{64}\n$/);
  assert.ok(archive.includes('manifest.json'));
  assert.ok((await stat(pipe)).isFIFO());
  await symlink('pipe', path.join(cwd, 'also'));
  const both = ['--to', 'docker-archive:pipe', '--to', 'oci-archive:also'];
  const twice = await run('pull', `${host}/app/one:1`, ...both);
  assert.equal(twice.exitCode, 2);
  assert.match(twice.stderr, /pipe and .*also are the same place/);
  await symlink('real.bundle', path.join(cwd, 'linked.bundle'));
  await run('bundle', 'create', `${host}/app/one:1`, '--output', 'linked.bundle');
  assert.deepEqual(await readFile(path.join(cwd, 'real.bundle')), through);
  const tree = await run('pull', `${host}/app/one:1`, '--to', 'rootfs:pipe');
  assert.equal(tree.exitCode, 2);
  assert.match(tree.stderr, /rootfs:.*pipe: that is no regular file/);
});

test('a bundle that was cut on its way says so, and what came whole is kept', {
  timeout,
}, async (t) => {
  const { host, cwd, store } = await stage(t);
  await cli(['pull', `${host}/app/one:1`, '--store', store], { cwd });
  const pack = ['bundle', 'create', `${host}/app/one:1`, '--store', store, '--output', 'cut'];
  await cli(pack, { cwd });
  await truncate(path.join(cwd, 'cut'), 240_000);
  const { exitCode, stderr } = await cli(['bundle', 'import', 'cut', '--store', 'far'], { cwd });
  assert.equal(exitCode, 2);
  assert.match(stderr, /^longshore: The bundle is damaged: .*\. Copy it once more, .* is kept\n$/);
  const ls = await cli(['cache', 'ls', '--store', 'far', '--json'], { cwd });
  assert.ok(JSON.parse(ls.stdout).blobs > 0);
});

test('an index is carried with the image that was pulled of it', { timeout }, async (t) => {
  const { host, server, cwd, store } = await stage(t);
  const { seedImage } = await import('../../../src/serve/index.ts');
  const source = await openStore(path.join(cwd, 'source'));
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ];
  const many = await seedImage(source, { name: 'localhost/app/many:1', platforms });
  await source.close();
  const name = `${host}/app/many:1`;
  const lock = (await cli(['lock', name], { cwd })).stdout;
  assert.equal(lock, `${name}@${many.descriptor.digest}\n`);
  await writeFile(path.join(cwd, 'many.lock'), lock);
  const list = ['--from', 'many.lock'];
  assert.equal((await cli(['pull', ...list, '--store', store], { cwd })).exitCode, 0);
  const pack = ['bundle', 'create', ...list, '--store', store, '--output', 'b'];
  assert.match((await cli(pack, { cwd })).stderr, /^4 blobs, /);
  assert.equal((await cli(['bundle', 'import', 'b', '--store', 'far'], { cwd })).exitCode, 0);
  await server.close();
  const pulled = await cli(['pull', ...list, '--store', 'far'], { cwd });
  assert.equal(pulled.stdout, `${lock.trim()} ${many.manifests[0]?.digest}\n`, pulled.stderr);
});

test('what cannot be packed or taken in is one helpful line', { timeout }, async (t) => {
  const { host, cwd, store, one } = await stage(t);
  await cli(['pull', `${host}/app/two:1`, '--store', store], { cwd });
  await writeFile(path.join(cwd, 'junk'), 'no tar');
  const create = ['bundle', 'create', '--store', store];
  const cases: [string[], number, RegExp][] = [
    [[...create, `${host}/app/two:1`], 2, /--output is missing/],
    [[...create, '--output', 'x'], 2, /no image is named/],
    [
      [...create, `${host}/app/one:1@${one.descriptor.digest}`, '--output', 'x'],
      3,
      /is not in the store\. Pull it first/,
    ],
    [[...create, `${host}/app/two:1`, '--output', 'x', '--have', 'junk'], 2, /Not an inventory/],
    [
      [...create, `${host}/app/two:1`, '--output', 'x', '--have', 'no'],
      2,
      /cannot read no: ENOENT/,
    ],
    [
      ['bundle', 'create', 'a', '--output', 'x', '--store', 'nowhere'],
      2,
      /There is no store at .*nowhere/,
    ],
    [['bundle', 'import', 'junk', '--store', store], 2, /tar|bundle/],
    [['bundle', 'import', 'none', '--store', store], 2, /cannot read none: ENOENT/],
  ];
  for (const [argv, exitCode, message] of cases) {
    const result = await cli(argv, { cwd });
    assert.match(result.stderr, message, argv.join(' '));
    assert.match(result.stderr, /^longshore: [^\n]*\n$/, argv.join(' '));
    assert.equal(result.exitCode, exitCode, result.stderr);
  }
});
