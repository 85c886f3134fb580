import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digestOf, MEDIA_TYPES, parseReference } from '../../src/image/index.ts';
import { RegistryError, type RegistryOptions } from '../../src/registry/index.ts';
import { makeManifest, testRegistry } from './support/fixtures.ts';
import {
  head,
  type RawHandler,
  type RawServer,
  respond,
  startRawServer,
} from './support/rawServer.ts';

const timeout = 20_000;

function serveManifest(
  manifest: ReturnType<typeof makeManifest>,
  change: { readonly head?: number; readonly fields?: Record<string, string> } = {},
): RawHandler {
  const fields = {
    'Content-Type': manifest.descriptor.mediaType,
    'Docker-Content-Digest': manifest.descriptor.digest,
    ...change.fields,
  };
  return ({ method }, socket) => {
    if (method === 'GET') respond(socket, 200, fields, manifest.bytes);
    else {
      const length = { 'Content-Length': String(manifest.bytes.byteLength) };
      socket.write(head(change.head ?? 200, { ...length, ...fields }));
    }
  };
}

function referenceOn(server: RawServer, rest = 'team/app:1'): ReturnType<typeof parseReference> {
  return parseReference(`${server.host}/${rest}`);
}

for (const bodyPath of ['auto', 'undici'] as const)
  describe(`with ${bodyPath}`, () => suite(bodyPath));

function suite(bodyPath: 'auto' | 'undici'): void {
  const open = (options: RegistryOptions = {}): ReturnType<typeof testRegistry> =>
    testRegistry({ bodyPath, ...options });

  test('HEAD alone resolves a tag, and the manifest comes once, by digest', {
    timeout,
  }, async () => {
    const manifest = makeManifest();
    await using server = await startRawServer(serveManifest(manifest));
    await using registry = open();
    const descriptor = await registry.resolve(referenceOn(server));
    assert.deepEqual(descriptor, manifest.descriptor);
    const fetched = await registry.manifest(referenceOn(server), descriptor);
    assert.deepEqual(Buffer.from(fetched.bytes), manifest.bytes);
    assert.deepEqual(
      server.requests.map(({ method, path }) => `${method} ${path}`),
      ['HEAD /v2/team/app/manifests/1', `GET /v2/team/app/manifests/${manifest.descriptor.digest}`],
    );
    const [first] = server.requests;
    assert.ok(first?.headers.get('accept')?.includes(MEDIA_TYPES.ociIndex));
    assert.equal(first?.headers.get('accept-encoding'), 'identity');
  });

  const unusableHeads: readonly [string, { head?: number; fields?: Record<string, string> }][] = [
    ['is refused', { head: 405 }],
    ['carries no digest', { fields: { 'Docker-Content-Digest': '' } }],
    ['carries something else as digest', { fields: { 'Docker-Content-Digest': 'sha256:../../x' } }],
    ['carries no known type', { fields: { 'Content-Type': 'text/html' } }],
  ];
  for (const [name, change] of unusableHeads) {
    test(`GET resolves where HEAD ${name}, and is not repeated`, { timeout }, async () => {
      const manifest = makeManifest();
      await using server = await startRawServer(serveManifest(manifest, change));
      await using registry = open();
      const descriptor = await registry.resolve(referenceOn(server));
      assert.deepEqual(descriptor, manifest.descriptor);
      await registry.manifest(referenceOn(server), descriptor);
      assert.deepEqual(
        server.requests.map(({ method }) => method),
        ['HEAD', 'GET'],
      );
    });
  }

  test('a digest of another algorithm than the registry uses is checked by content', {
    timeout,
  }, async () => {
    const manifest = makeManifest();
    const pinned = digestOf(manifest.bytes, 'sha512');
    await using server = await startRawServer(serveManifest(manifest));
    await using registry = open();
    const descriptor = await registry.resolve(referenceOn(server, `team/app@${pinned}`));
    assert.deepEqual(descriptor, { ...manifest.descriptor, digest: pinned });
  });

  test('another manifest than the pinned one is refused', { timeout }, async () => {
    const other = makeManifest().descriptor.digest;
    await using server = await startRawServer(serveManifest(makeManifest()));
    await using registry = open();
    await assert.rejects(registry.resolve(referenceOn(server, `team/app@${other}`)), {
      code: 'ERR_DIGEST_MISMATCH',
    });
  });

  test('content that is not what the descriptor says is refused', { timeout }, async () => {
    const manifest = makeManifest();
    const { descriptor } = manifest;
    await using server = await startRawServer(serveManifest(manifest));
    await using registry = open();
    const address = referenceOn(server);
    await assert.rejects(
      registry.manifest(address, { ...descriptor, digest: makeManifest().descriptor.digest }),
      { code: 'ERR_DIGEST_MISMATCH' },
    );
    await assert.rejects(registry.manifest(address, { ...descriptor, size: descriptor.size + 1 }), {
      code: 'ERR_SIZE_MISMATCH',
    });
  });

  test('a manifest over 4 MiB is refused before and while it comes', { timeout }, async () => {
    const manifest = makeManifest();
    await using server = await startRawServer((_request, socket) => {
      respond(
        socket,
        200,
        { 'Content-Type': MEDIA_TYPES.ociManifest },
        Buffer.alloc(5 << 20, 0x20),
      );
    });
    await using registry = open();
    const address = referenceOn(server);
    await assert.rejects(registry.manifest(address, { ...manifest.descriptor, size: 5 << 20 }), {
      code: 'ERR_MANIFEST_TOO_LARGE',
    });
    assert.equal(server.requests.length, 0);
    await assert.rejects(registry.manifest(address, manifest.descriptor), {
      code: 'ERR_MANIFEST_TOO_LARGE',
    });
  });

  test('a refusal is told in the words of the registry, fit for a terminal', {
    timeout,
  }, async () => {
    const errors = [
      { code: 'MANIFEST_UNKNOWN', message: `no \u001b[31mred\u202e ${'x'.repeat(5000)}` },
    ];
    await using server = await startRawServer(({ method }, socket) => {
      if (method === 'HEAD') socket.write(head(405, { 'Content-Length': '0' }));
      else respond(socket, 404, { 'Content-Type': 'application/json' }, JSON.stringify({ errors }));
    });
    await using registry = open();
    await assert.rejects(registry.resolve(referenceOn(server)), (error) => {
      assert.ok(error instanceof RegistryError);
      assert.equal(error.code, 'ERR_NOT_FOUND');
      assert.equal(error.status, 404);
      assert.equal(error.retryable, false);
      assert.match(error.message, /team\/app:1.*MANIFEST_UNKNOWN: no \[31mred x/);
      assert.ok(error.message.length < 600, String(error.message.length));
      return true;
    });
    assert.equal(server.requests.length, 2);
  });
}
