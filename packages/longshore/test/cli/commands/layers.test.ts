import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { schemas } from '../../../src/cli/schemas/jsonSchema.ts';
import { cli } from '../support/cli.ts';
import { stage } from '../support/stage.ts';

const timeout = 30_000;

test('layers are printed base first with their sizes, and no store is made', {
  timeout,
}, async (t) => {
  const { host, cwd, store, one } = await stage(t);
  const argv = ['layers', `${host}/app/one:1`, '--store', store];
  const plain = await cli(argv, { cwd });
  assert.equal(plain.stderr, '');
  assert.equal(plain.stdout, one.layers.map(({ digest, size }) => `${digest} ${size}\n`).join(''));
  assert.equal((await readdir(cwd)).includes('store'), false);

  const { stdout } = await cli([...argv, '--json'], { cwd });
  const document = JSON.parse(stdout);
  schemas.get('layers')?.parse(document);
  assert.equal(document.digest, one.descriptor.digest);
  assert.deepEqual(
    document.layers.map(({ digest }: { digest: string }) => digest),
    one.layers.map(({ digest }) => digest),
  );
});

test('an image that is not there is exit code 1 and one line', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t);
  const argv = ['layers', `${host}/app/none:1`, '--store', store];
  const { exitCode, stdout, stderr } = await cli(argv, { cwd });
  assert.equal(exitCode, 1, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^longshore: .*app\/none.*\n$/);
});
