// The other parts alone, without Longshore: what the tests beside this one build on is as expected.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeBuildah } from './support/buildah.ts';
import { writeBuildContext } from './support/contexts.ts';
import { startDockerEngine } from './support/dockerEngine.ts';
import { startDockerRegistry } from './support/dockerRegistry.ts';
import { makeTempFolder } from './support/files.ts';
import { writeLayerImage } from './support/layerImage.ts';
import { startNginx } from './support/nginx.ts';
import { skipWithout } from './support/programs.ts';
import { copyWithSkopeo, inspectWithSkopeo, unpackWithUmoci } from './support/readBack.ts';
import { startTokenServer } from './support/tokenServer.ts';

const timeout = 120_000;
const COMMON = ['docker-registry', 'skopeo', 'umoci', 'openssl'];

test('an image that we write is one that skopeo copies through nginx and umoci unpacks', {
  timeout,
  skip: skipWithout(...COMMON, 'nginx'),
}, async () => {
  await using folder = await makeTempFolder('parts');
  await using registry = await startDockerRegistry();
  await using nginx = await startNginx({ upstream: registry.host });
  const image = await writeLayerImage(join(folder.path, 'image'), [3_000_000, 5, 2 ** 20]);
  const copy = join(folder.path, 'copy');
  await copyWithSkopeo(`oci:${image.path}:${image.name}`, `docker://${nginx.host}/a/b:v1`);
  await copyWithSkopeo(`docker://${nginx.host}/a/b:v1`, `oci:${copy}:v1`);
  const view = await inspectWithSkopeo(`oci:${copy}:v1`);
  assert.equal(view.digest, image.manifestDigest);
  assert.deepEqual(
    view.layers,
    image.layers.map(({ digest }) => digest),
  );
  assert.equal(Object.keys(await unpackWithUmoci(copy, 'v1')).length, 3);
  const seen = (await nginx.accessLog()).filter(({ path }) => path.includes('/blobs/sha256:'));
  assert.ok(seen.some(({ bytes }) => bytes > 3_000_000));
  assert.ok(registry.accessLog().length >= seen.length);
});

test('docker-registry takes the tokens of our token server, and nothing without one', {
  timeout,
  skip: skipWithout(...COMMON),
}, async () => {
  await using folder = await makeTempFolder('parts');
  await using tokens = await startTokenServer({
    folder: folder.path,
    user: 'ann',
    password: 's3cret',
  });
  await using registry = await startDockerRegistry({ auth: tokens.auth });
  const image = await writeLayerImage(join(folder.path, 'image'), [1000]);
  const target = `docker://${registry.host}/team/app:v1`;
  await copyWithSkopeo(`oci:${image.path}:${image.name}`, target, [
    '--dest-tls-verify=false',
    '--dest-creds=ann:s3cret',
  ]);
  const view = await inspectWithSkopeo(target, ['--tls-verify=false', '--creds=ann:s3cret']);
  assert.equal(view.digest, image.manifestDigest);
  assert.ok(tokens.requests.some(({ scopes }) => scopes.includes('repository:team/app:pull,push')));
  await assert.rejects(inspectWithSkopeo(target), /unauthorized|authentication required/);
});

test('buildah builds and pushes with storage of its own', {
  timeout,
  skip: skipWithout(...COMMON, 'buildah'),
}, async () => {
  await using folder = await makeTempFolder('parts');
  await using registry = await startDockerRegistry();
  await using builder = await makeBuildah();
  await writeBuildContext(folder.path, 'parts');
  await builder.buildah('bud', '--layers', '--tag', 'parts', folder.path);
  await builder.buildah('push', '--tls-verify=false', 'parts', `docker://${registry.host}/p:v1`);
  const { layers } = await inspectWithSkopeo(`docker://${registry.host}/p:v1`);
  assert.equal(layers.length, 3);
});

test('a Docker Engine builds and pushes with a data folder of its own', {
  timeout,
  skip: skipWithout(...COMMON, 'dockerd', 'docker'),
}, async () => {
  await using folder = await makeTempFolder('parts');
  await using registry = await startDockerRegistry();
  await using engine = await startDockerEngine();
  await writeBuildContext(folder.path, 'parts');
  await engine.docker('build', '--tag', `${registry.host}/p:v1`, folder.path);
  await engine.docker('push', `${registry.host}/p:v1`);
  const { layers } = await inspectWithSkopeo(`docker://${registry.host}/p:v1`);
  assert.equal(layers.length, 3);
});
