// Several processes on one store at the same time: each blob is fetched by one of them.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDockerRegistry } from './support/dockerRegistry.ts';
import { makeTempFolder } from './support/files.ts';
import { writeLayerImage } from './support/layerImage.ts';
import { longshoreAt } from './support/longshore.ts';
import { startNginx } from './support/nginx.ts';
import { skipWithout } from './support/programs.ts';
import { copyWithSkopeo, inspectWithSkopeo, verifyBlobs } from './support/readBack.ts';

const timeout = 180_000;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

test('two processes that pull overlapping images at once fetch each blob once', {
  timeout,
  skip: skipWithout('docker-registry', 'skopeo', 'nginx'),
}, async () => {
  await using folder = await makeTempFolder('interop');
  await using registry = await startDockerRegistry();
  const image = await writeLayerImage(join(folder.path, 'image'), Array(6).fill(2_000_000));
  await copyWithSkopeo(`oci:${image.path}:${image.name}`, `docker://${registry.host}/team/app:all`);
  await pushPart(registry.host);
  // Half a second for each layer: long enough for both processes to want the same blobs.
  await using nginx = await startNginx({
    upstream: registry.host,
    bytesPerSecondPerConnection: 4_000_000,
  });

  const longshore = longshoreAt(folder.path);
  const store = join(folder.path, 'store');
  // Serial: whole layers, so that one fetch is one request.
  const pull = (tag: string): Promise<string> =>
    longshore.must('pull', `${nginx.host}/team/app:${tag}`, '--store', store, '--serial');
  await Promise.all([pull('all'), pull('part')]);

  const bodies = (await nginx.accessLog()).filter(
    ({ method, path }) => method === 'GET' && path.includes('/blobs/sha256:'),
  );
  const asked = Map.groupBy(bodies, ({ path }) => path);
  assert.equal(asked.size, image.layers.length + 1, 'the layers and the one config');
  for (const [path, requests] of asked) {
    assert.equal(requests.length, 1, `${path} was fetched ${requests.length} times`);
  }
  for (const tag of ['all', 'part']) {
    const name = `${nginx.host}/team/app:${tag}`;
    const wanted = await inspectWithSkopeo(`docker://${registry.host}/team/app:${tag}`);
    assert.deepEqual(await inspectWithSkopeo(`oci:${store}:${name}`, []), wanted);
  }
  assert.equal(await verifyBlobs(store), image.layers.length + 3, 'and the two manifests');
});

test('four wide processes that pull one image at once fetch little more than its bytes', {
  timeout,
  skip: skipWithout('docker-registry', 'skopeo', 'nginx'),
}, async () => {
  await using folder = await makeTempFolder('interop');
  await using registry = await startDockerRegistry();
  const image = await writeLayerImage(join(folder.path, 'image'), Array(6).fill(3_000_000));
  const name = 'team/app:v1';
  await copyWithSkopeo(`oci:${image.path}:${image.name}`, `docker://${registry.host}/${name}`);
  await using nginx = await startNginx({
    upstream: registry.host,
    bytesPerSecondPerConnection: 2_000_000,
  });
  const longshore = longshoreAt(folder.path);
  const store = join(folder.path, 'store');
  const reference = `${nginx.host}/${name}`;
  const outputs = await Promise.all(
    [1, 2, 3, 4].map(() => longshore.must('pull', reference, '--store', store, '--workers', '4')),
  );
  assert.deepEqual(new Set(outputs), new Set([`${reference} ${image.manifestDigest}\n`]));
  assert.equal(await verifyBlobs(store), image.layers.length + 2);
  const wanted = image.layers.reduce((sum, { size }) => sum + size, 0);
  const sent = (await nginx.accessLog())
    .filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  // A range whose tail another flow took over is cut while a little more of it is on its way.
  assert.ok(sent < 1.1 * wanted, `${sent} bytes were sent for ${wanted}`);
});

/** Pushes a second image that has all layers of the first but one. */
async function pushPart(host: string): Promise<void> {
  const at = (tag: string): string => `http://${host}/v2/team/app/manifests/${tag}`;
  const answer = await fetch(at('all'), { headers: { accept: MANIFEST } });
  const manifest = (await answer.json()) as { layers: readonly object[] };
  const put = await fetch(at('part'), {
    method: 'PUT',
    headers: { 'content-type': MANIFEST },
    body: JSON.stringify({ ...manifest, layers: manifest.layers.slice(1) }),
  });
  assert.equal(put.status, 201);
}

test('where each connection is slow, a wide pull is several times faster than a serial one', {
  timeout,
  skip: skipWithout('docker-registry', 'skopeo', 'nginx'),
}, async () => {
  await using folder = await makeTempFolder('interop');
  await using registry = await startDockerRegistry();
  const image = await writeLayerImage(join(folder.path, 'image'), Array(6).fill(1_500_000));
  const name = 'team/slow:v1';
  await copyWithSkopeo(`oci:${image.path}:${image.name}`, `docker://${registry.host}/${name}`);
  await using nginx = await startNginx({
    upstream: registry.host,
    bytesPerSecondPerConnection: 1_000_000,
  });
  const longshore = longshoreAt(folder.path);
  const seconds = async (...flags: readonly string[]): Promise<number> => {
    const started = performance.now();
    const store = join(folder.path, flags.join(''));
    await longshore.must('pull', `${nginx.host}/${name}`, '--store', store, ...flags);
    return (performance.now() - started) / 1000;
  };
  const serial = await seconds('--serial');
  const wide = await seconds('--workers', '6');
  assert.ok(serial > 2 * wide, `serial ${serial.toFixed(1)} s, six wide ${wide.toFixed(1)} s`);
});
