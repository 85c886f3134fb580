// Pushes to registries that others wrote, killed on the way, and read back by another client.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDockerRegistry } from './support/dockerRegistry.ts';
import { makeTempFolder } from './support/files.ts';
import { writeLayerImage } from './support/layerImage.ts';
import { longshoreAt } from './support/longshore.ts';
import { skipWithout } from './support/programs.ts';
import { copyWithSkopeo, inspectWithSkopeo } from './support/readBack.ts';
import { startTokenServer } from './support/tokenServer.ts';

const timeout = 120_000;
const MIB = 2 ** 20;
const USER = 'anna';
const PASSWORD = 'secret';
const NAME = 'team/app:v1';

test('a push that is killed, and given again, arrives whole behind htpasswd', {
  timeout,
  skip: skipWithout('docker-registry', 'skopeo', 'htpasswd'),
}, async () => {
  await using folder = await makeTempFolder('interop');
  await using from = await startDockerRegistry();
  const auth = { kind: 'htpasswd', user: USER, password: PASSWORD } as const;
  await using to = await startDockerRegistry({ auth });
  const image = await writeLayerImage(
    join(folder.path, 'image'),
    Array.from({ length: 6 }, (_, i) => (i + 3) * MIB),
  );
  await copyWithSkopeo(`oci:${image.path}:${image.name}`, `docker://${from.host}/${NAME}`);
  const longshore = longshoreAt(folder.path);
  await longshore.logIn(to.host, USER, PASSWORD);
  const store = ['--store', join(folder.path, 'store')];
  await longshore.must('pull', `${from.host}/${NAME}`, ...store);

  const push = ['push', `${from.host}/${NAME}=${to.host}/${NAME}`, ...store];
  const slowly = [...push, '--pushers', '1', '--progress', 'json'];
  for (const thenMs of [0, 20]) {
    await longshore.kill({ said: '"blob.pushed"', thenMs }, ...slowly);
  }
  assert.equal(await longshore.must(...push), `${to.host}/${NAME} ${image.manifestDigest}\n`);
  const flags = ['--tls-verify=false', '--creds', `${USER}:${PASSWORD}`];
  assert.deepEqual(
    await inspectWithSkopeo(`docker://${to.host}/${NAME}`, flags),
    await inspectWithSkopeo(`docker://${from.host}/${NAME}`),
  );
  // What had arrived before each kill was not sent again: each layer and the config, once.
  const stored = to
    .accessLog()
    .filter(
      ({ method, path, status }) => method === 'PUT' && path.includes('/blobs/') && status === 201,
    );
  assert.equal(stored.length, image.layers.length + 1);
});

test('a copy from a registry with htpasswd to one with tokens', {
  timeout,
  skip: skipWithout('docker-registry', 'skopeo', 'htpasswd', 'openssl'),
}, async () => {
  await using folder = await makeTempFolder('interop');
  await using tokens = await startTokenServer({
    folder: folder.path,
    user: USER,
    password: PASSWORD,
  });
  const auth = { kind: 'htpasswd', user: 'otto', password: 'other' } as const;
  await using from = await startDockerRegistry({ auth });
  await using to = await startDockerRegistry({ auth: tokens.auth });
  const image = await writeLayerImage(join(folder.path, 'image'), [2 * MIB, MIB, 3 * MIB]);
  await copyWithSkopeo(`oci:${image.path}:${image.name}`, `docker://${from.host}/${NAME}`, [
    '--dest-tls-verify=false',
    '--dest-creds',
    'otto:other',
  ]);
  const longshore = longshoreAt(folder.path);
  await longshore.logIn(from.host, 'otto', 'other');
  await longshore.logIn(to.host, USER, PASSWORD);
  const copied = await longshore.must(
    'copy',
    `${from.host}/${NAME}`,
    `${to.host}/mirror/app:v1`,
    '--store',
    join(folder.path, 'store'),
  );
  assert.equal(copied, `${to.host}/mirror/app:v1 ${image.manifestDigest}\n`);
  assert.deepEqual(
    await inspectWithSkopeo(`docker://${to.host}/mirror/app:v1`, [
      '--tls-verify=false',
      '--creds',
      `${USER}:${PASSWORD}`,
    ]),
    { digest: image.manifestDigest, layers: image.layers.map(({ digest }) => digest) },
  );
  const pushed = tokens.requests.filter(({ scopes }) =>
    scopes.some((scope) => scope.includes('push')),
  );
  assert.ok(pushed.every(({ user }) => user === USER));
});
