// Images of real builders, in a real registry with each of its kinds of auth, pulled by the real
// command line, and read back by programs that know nothing of Longshore.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeBuildah } from './support/buildah.ts';
import { writeBuildContext } from './support/contexts.ts';
import { startDockerEngine } from './support/dockerEngine.ts';
import { startDockerRegistry } from './support/dockerRegistry.ts';
import { makeTempFolder, sha256 } from './support/files.ts';
import { type Longshore, longshoreAt } from './support/longshore.ts';
import { skipWithout } from './support/programs.ts';
import {
  copyWithSkopeo,
  inspectWithSkopeo,
  unpackWithUmoci,
  verifyBlobs,
} from './support/readBack.ts';
import { startTokenServer } from './support/tokenServer.ts';

const timeout = 180_000;
const USER = 'ann';
const PASSWORD = 'pass: with / odd + characters';
const CREDENTIALS = ['--tls-verify=false', `--creds=${USER}:${PASSWORD}`];
const PARTS = ['docker-registry', 'skopeo', 'umoci', 'openssl', 'htpasswd'];

/** Where an image is, how skopeo may look at it, and a place to put things. */
interface Pulled {
  readonly longshore: Longshore;
  readonly reference: string;
  readonly folder: string;
  /** For `skopeo inspect`. */
  readonly flags: readonly string[];
  /** Which kind of manifest the builder pushed. */
  readonly builtAs: 'oci' | 'docker';
}

/** Pulls into a store and checks that skopeo and umoci find there what is in the registry. */
async function pullAndReadBack(pulled: Pulled): Promise<string> {
  const { longshore, reference, folder, flags, builtAs } = pulled;
  const store = join(folder, 'store');
  const stdout = await longshore.must('pull', reference, '--store', store, '--progress', 'plain');
  const wanted = await inspectWithSkopeo(`docker://${reference}`, flags);
  assert.equal(stdout, `${reference} ${wanted.digest}\n`);
  assert.ok((await verifyBlobs(store)) >= wanted.layers.length + 2);
  const tree = await unpackReference(pulled);
  const found = await inspectWithSkopeo(`oci:${store}:${reference}`, []);
  assert.deepEqual(found.layers, wanted.layers);
  // A manifest in Docker's types is kept as it is, and named to OCI tools by a twin of its own digest.
  if (builtAs === 'oci') assert.equal(found.digest, wanted.digest);
  else await assertStored(store, [wanted.digest, found.digest]);
  assert.deepEqual(await unpackWithUmoci(store, reference), tree);
  return store;
}

/** The image's file tree by skopeo and umoci alone. */
async function unpackReference({
  reference,
  folder,
  flags,
}: Pulled): Promise<Record<string, string>> {
  const layout = join(folder, 'by-skopeo');
  const source = flags.map((flag) => flag.replace('--', '--src-'));
  await copyWithSkopeo(`docker://${reference}`, `oci:${layout}:wanted`, source);
  const tree = await unpackWithUmoci(layout, 'wanted');
  assert.equal(tree['bin/tool']?.split(' ')[0], '755');
  return tree;
}

test('an image that buildah built comes from an open registry into the store, a layout and layers', {
  timeout,
  skip: skipWithout(...PARTS, 'buildah'),
}, async () => {
  await using folder = await makeTempFolder('interop');
  await using registry = await startDockerRegistry();
  await using builder = await makeBuildah();
  const context = join(folder.path, 'context');
  await writeBuildContext(context, 'buildah');
  const reference = `${registry.host}/team/by-buildah:v1`;
  await builder.buildah('bud', '--layers', '--tag', 'image', context);
  await builder.buildah('push', '--tls-verify=false', 'image', `docker://${reference}`);

  const longshore = longshoreAt(folder.path);
  const store = await pullAndReadBack({
    longshore,
    reference,
    folder: folder.path,
    flags: ['--tls-verify=false'],
    builtAs: 'oci',
  });
  const wanted = await inspectWithSkopeo(`docker://${reference}`);

  const layout = join(folder.path, 'layout');
  const layers = join(folder.path, 'layers');
  const outputs = ['--to', `oci:${layout}`, '--to', `layers:${layers}`];
  const requests = registry.accessLog().length;
  await longshore.must('pull', reference, '--store', store, ...outputs);
  const again = registry.accessLog().slice(requests);
  assert.deepEqual(
    again.filter(({ path }) => path.includes('/blobs/')),
    [],
    'nothing is fetched twice',
  );

  assert.deepEqual(await inspectWithSkopeo(`oci:${layout}:${reference}`, []), wanted);
  assert.deepEqual(
    await unpackWithUmoci(layout, reference),
    await unpackWithUmoci(store, reference),
  );
  const files = await readdir(layers, { recursive: true, withFileTypes: true });
  const found = await Promise.all(
    files
      .filter((file) => file.name.startsWith('sha256-'))
      .map(async (file) => ({
        name: file.name,
        digest: sha256(await readFile(join(file.parentPath, file.name))),
      })),
  );
  assert.deepEqual(found.map(({ digest }) => digest).sort(), wanted.layers.toSorted());
  assert.ok(found.every(({ name, digest }) => name === `${digest.replace(':', '-')}.tar.gz`));
});

test('an image that a Docker Engine built comes from a registry with htpasswd', {
  timeout,
  skip: skipWithout(...PARTS, 'dockerd', 'docker'),
}, async () => {
  await using folder = await makeTempFolder('interop');
  const auth = { kind: 'htpasswd', user: USER, password: PASSWORD } as const;
  await using registry = await startDockerRegistry({ auth });
  await using engine = await startDockerEngine();
  const context = join(folder.path, 'context');
  await writeBuildContext(context, 'engine');
  const reference = `${registry.host}/by-engine:v1`;
  await engine.docker('build', '--tag', reference, context);
  await engine.docker('login', '--username', USER, '--password', PASSWORD, registry.host);
  await engine.docker('push', reference);

  const longshore = longshoreAt(folder.path);
  const refused = await longshore.run('pull', reference, '--store', join(folder.path, 'refused'));
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /by-engine/);
  assert.match(refused.stderr, /401|credentials|login/i);

  await longshore.logIn(registry.host, USER, PASSWORD);
  await pullAndReadBack({
    longshore,
    reference,
    folder: folder.path,
    flags: CREDENTIALS,
    builtAs: 'docker',
  });
});

test('many images of both builders come from a registry with tokens, in one run', {
  timeout,
  skip: skipWithout(...PARTS, 'buildah', 'dockerd', 'docker'),
}, async () => {
  await using folder = await makeTempFolder('interop');
  // Shorter than the run is not possible with docker-registry, which gives a minute of grace.
  const options = { folder: folder.path, user: USER, password: PASSWORD, tokenSeconds: 60 };
  await using tokens = await startTokenServer(options);
  await using registry = await startDockerRegistry({ auth: tokens.auth });
  await using builder = await makeBuildah();
  await using engine = await startDockerEngine();
  const context = join(folder.path, 'context');
  await writeBuildContext(context, 'tokens');
  const byBuildah = `${registry.host}/team/by-buildah:v1`;
  const byEngine = `${registry.host}/team/by-engine:v1`;
  await builder.buildah('bud', '--layers', '--tag', 'image', context);
  await builder.buildah('push', ...CREDENTIALS, 'image', `docker://${byBuildah}`);
  await engine.docker('build', '--tag', byEngine, context);
  await engine.docker('login', '--username', USER, '--password', PASSWORD, registry.host);
  await engine.docker('push', byEngine);

  const longshore = longshoreAt(folder.path);
  await longshore.logIn(registry.host, USER, PASSWORD);
  const asked = tokens.requests.length;
  const store = join(folder.path, 'store');
  const stdout = await longshore.must('pull', byBuildah, byEngine, '--store', store);
  assert.ok(tokens.requests.length > asked, 'a token was asked for');
  assert.ok(
    tokens.requests.length - asked <= 4,
    `${tokens.requests.length - asked} token requests for two repositories`,
  );
  const digests: string[] = [];
  for (const reference of [byBuildah, byEngine]) {
    const { digest, layers } = await inspectWithSkopeo(`docker://${reference}`, CREDENTIALS);
    digests.push(`${reference} ${digest}\n`);
    await assertStored(store, [digest, ...layers]);
  }
  assert.equal(stdout, digests.join(''), 'in the order they were asked for');
  await verifyBlobs(store);
});

/** Checks that blobs are in a store, by the file system alone. */
async function assertStored(store: string, digests: readonly string[]): Promise<void> {
  const there = new Set(await readdir(join(store, 'blobs/sha256')));
  for (const digest of digests) {
    assert.ok(there.has(digest.slice('sha256:'.length)), `${digest} is not in ${store}`);
  }
}
