import assert from 'node:assert/strict';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { schemas } from '../../../src/cli/schemas/jsonSchema.ts';
import { seedImage } from '../../../src/serve/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { type CliResult, cli, temporaryDirectory } from '../support/cli.ts';

const timeout = 30_000;

/** A store of its own with one image of two layers. */
async function seeded(t: Parameters<typeof temporaryDirectory>[0]) {
  const cwd = await temporaryDirectory(t);
  const folder = path.join(cwd, 'store');
  await using closing = new AsyncDisposableStack();
  const store = await openStore(folder);
  closing.defer(() => store.close());
  const image = await seedImage(store, {
    name: 'registry.example/app:1',
    layers: [{ size: 10_000 }, { size: 20_000 }],
  });
  const run = (...argv: string[]): Promise<CliResult> =>
    cli(['cache', ...argv], { cwd, env: { LONGSHORE_STORE: folder } });
  const json = async (name: string, ...argv: string[]) => {
    const result = await run(...argv, '--json');
    const document = JSON.parse(result.stdout);
    schemas.get(name)?.parse(document);
    return { ...result, document };
  };
  const blob = (digest: string): string => path.join(folder, 'blobs', digest.replace(':', '/'));
  return { folder, image, run, json, blob };
}

test('ls lists images with digest and size', { timeout }, async (t) => {
  const { image, run, json, folder } = await seeded(t);
  const { stdout, stderr, exitCode } = await run('ls');
  assert.match(stdout, /^registry\.example\/app:1 sha256:[0-9a-f]{64} \d+\n$/);
  assert.ok(stdout.includes(image.descriptor.digest));
  assert.match(stderr, /1 images?, .* in 4 blobs/);
  assert.equal(exitCode, 0);
  const { document } = await json('cache-ls', 'ls');
  assert.equal(document.store, folder);
  assert.equal(document.references[0].name, 'registry.example/app:1');
});

test('verify finds damage (exit code 1), and --repair removes it', { timeout }, async (t) => {
  const { image, run, json, blob } = await seeded(t);
  const clean = await run('verify');
  assert.deepEqual([clean.exitCode, clean.stdout], [0, '']);
  assert.match(clean.stderr, /4 blobs, .* read: all is well/);

  const damaged = image.layers[0]?.digest ?? '';
  await chmod(blob(damaged), 0o644);
  await writeFile(blob(damaged), 'not what it was');
  const found = await run('verify');
  assert.equal(found.exitCode, 1);
  assert.match(found.stdout, new RegExp(`^damaged ${damaged} .*--repair`));
  const { document } = await json('cache-verify', 'verify', '--repair');
  assert.equal(document.problems[0].repaired, true);
  const after = await run('verify');
  assert.match(after.stdout, new RegExp(`^missing ${damaged}, which registry.example/app:1 needs`));
});

test('prune tells with --dry-run what it would remove, then removes it', { timeout }, async (t) => {
  const { run, json } = await seeded(t);
  const dry = await run('prune', '--max-size', '1B', '--dry-run');
  assert.match(dry.stderr, /^Would remove/);
  const { document } = await json('cache-prune', 'prune', '--unused-for', '30d');
  assert.deepEqual(document.references, []);
  assert.equal((await run('prune', '--max-size', 'big')).exitCode, 2);
  assert.equal((await run('prune', '--unused-for', '30')).exitCode, 2);
});

test('clear asks, and where nobody can answer it wants --yes', { timeout }, async (t) => {
  const { run, folder } = await seeded(t);
  const refused = await run('clear');
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /would remove everything in .*--yes/);
  assert.notDeepEqual(await readdir(path.join(folder, 'blobs', 'sha256')), []);
  const done = await run('clear', '--yes');
  assert.equal(done.exitCode, 0, done.stderr);
  assert.match(done.stderr, /^Removed 4 blobs: .* freed/);
  assert.equal((await run('ls')).stdout, '');
});

test('looking at a store that is not there makes none', { timeout }, async (t) => {
  const cwd = await temporaryDirectory(t);
  const run = (...argv: string[]) => cli(['cache', ...argv, '--store', 'none'], { cwd });
  for (const command of ['ls', 'verify', 'prune']) {
    const { exitCode, stdout } = await run(command);
    assert.deepEqual([exitCode, stdout], [0, ''], command);
  }
  assert.match((await run('clear', '--yes')).stderr, /There is no store at .*none/);
  assert.deepEqual(await readdir(cwd), []);
});

test('a folder that is something else is left alone', { timeout }, async (t) => {
  const cwd = await temporaryDirectory(t);
  await writeFile(path.join(cwd, 'photo.jpg'), 'x');
  const { exitCode } = await cli(['cache', 'clear', '--yes', '--store', cwd], { cwd });
  assert.ok(exitCode === 0 || exitCode === 3);
  assert.deepEqual(await readdir(cwd), ['photo.jpg']);
});
