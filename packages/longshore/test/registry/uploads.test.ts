import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isLongshoreError } from '../../src/errors.ts';
import { type Descriptor, digestOf, parseReference } from '../../src/image/index.ts';
import type { BlobBody, UploadSession } from '../../src/registry/index.ts';
import { createRegistryServer, type RegistryServerOptions } from '../../src/serve/index.ts';
import { openStore } from '../../src/store/index.ts';
import { collect, makeBlob, makeManifest, testRegistry } from './support/fixtures.ts';
import { respond, startRawServer } from './support/rawServer.ts';

const timeout = 20_000;
const noRetry = { maxAttempts: 1 };

async function port(options: Partial<RegistryServerOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-uploads-'));
  const store = await openStore(folder);
  const server = await createRegistryServer({ ...options, store });
  return {
    server,
    app: { registry: server.host, repository: 'team/app' },
    async [Symbol.asyncDispose]() {
      await server.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A body in pieces, and how far it has been asked for. */
function bodyOf(bytes: Buffer, piece = 100_000): BlobBody & { asked: number; opened: number } {
  return {
    asked: 0,
    opened: 0,
    async *read(start, end) {
      this.opened += 1;
      for (let at = start; at < end; at += piece) {
        this.asked = Math.max(this.asked, at);
        yield bytes.subarray(at, Math.min(end, at + piece));
      }
    },
  };
}

function failsWith(code: string, text: RegExp = /./) {
  return (error: unknown) => {
    assert.ok(isLongshoreError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    assert.doesNotMatch(`${error.message} ${error.hint ?? ''}`, /_state|digest=|token=/);
    return true;
  };
}

describe('uploads', () => {
  test('a blob in one PUT of its length, and found there afterwards', { timeout }, async () => {
    await using at = await port();
    await using registry = testRegistry();
    const { bytes, descriptor } = makeBlob(3_000_001);
    assert.equal(await registry.hasBlob(at.app, descriptor), false);
    const session = await registry.startUpload(at.app);
    await registry.uploadBlob(session, descriptor, { body: bodyOf(bytes) });
    assert.equal(await registry.hasBlob(at.app, descriptor), true);
    const back = await collect(await registry.openBlob(at.app, descriptor));
    assert.ok(back.equals(bytes));
    const methods = at.server.stats.log.map(({ method }) => method);
    assert.deepEqual(methods, ['HEAD', 'POST', 'PUT', 'HEAD', 'GET']);
  });

  test('an empty blob', { timeout }, async () => {
    await using at = await port();
    await using registry = testRegistry();
    const { bytes, descriptor } = makeBlob(0);
    await registry.uploadBlob(await registry.startUpload(at.app), descriptor, {
      body: bodyOf(bytes),
    });
    assert.equal(await registry.hasBlob(at.app, descriptor), true);
  });

  test('chunks go on where the registry acknowledged the last one', { timeout }, async () => {
    await using at = await port();
    await using registry = testRegistry();
    const { bytes, descriptor } = makeBlob(1_000_000);
    at.server.faults = { rules: [{ on: { method: 'PATCH', nth: 3 }, resetAt: 50_000 }] };
    const first = await registry.startUpload(at.app);
    let last: UploadSession = first;
    const sending = { chunkBytes: 200_000, onSession: (next: UploadSession) => (last = next) };
    await assert.rejects(
      registry.uploadBlob(first, descriptor, { ...sending, body: bodyOf(bytes, 10_000) }),
      (error: unknown) => isLongshoreError(error) && error.retryable,
    );
    assert.equal(last.offset, 400_000);
    const there = await registry.checkUpload(last);
    assert.ok(there !== undefined && there.offset >= 400_000, String(there?.offset));
    const rest = bodyOf(bytes);
    await registry.uploadBlob(there, descriptor, { ...sending, body: rest });
    assert.ok(
      (await collect(await registry.openBlob(at.app, descriptor))).equals(bytes),
      'byte for byte',
    );
  });

  test('a mount brings a blob without its bytes, or opens an upload', { timeout }, async () => {
    await using at = await port();
    await using registry = testRegistry();
    const { bytes, descriptor } = makeBlob(1000);
    const other = { ...at.app, repository: 'team/other' };
    await registry.uploadBlob(await registry.startUpload(at.app), descriptor, {
      body: bodyOf(bytes),
    });
    const from = at.app.repository;
    assert.equal(await registry.mountBlob(other, descriptor.digest, { from }), 'mounted');
    assert.equal(await registry.hasBlob(other, descriptor), true);
    at.server.faults = { refuseMounts: true };
    const third = { ...at.app, repository: 'team/third' };
    const session = await registry.mountBlob(third, descriptor.digest, { from });
    assert.notEqual(session, 'mounted');
    if (session !== 'mounted') {
      await registry.uploadBlob(session, descriptor, { body: bodyOf(bytes) });
    }
    assert.equal(await registry.hasBlob(third, descriptor), true);
  });

  test('tokens are asked for with the right to push, and to read what is mounted', {
    timeout,
  }, async () => {
    const users = { me: 'secret' };
    await using at = await port({ auth: { kind: 'token', users } });
    const credentials = {
      lookup: async () =>
        ({ kind: 'basic', username: 'me', password: 'secret', source: 'a test' }) as const,
    };
    await using registry = testRegistry({ credentials });
    const { bytes, descriptor } = makeBlob(300_000);
    await registry.uploadBlob(await registry.startUpload(at.app), descriptor, {
      body: bodyOf(bytes),
    });
    const other = { ...at.app, repository: 'other' };
    const from = at.app.repository;
    assert.equal(await registry.mountBlob(other, descriptor.digest, { from }), 'mounted');
    at.server.revokeTokens();
    const again = makeBlob(300_000);
    const session = await registry.startUpload(at.app);
    at.server.revokeTokens();
    const body = bodyOf(again.bytes);
    await registry.uploadBlob(session, again.descriptor, { body });
    assert.equal(body.opened, 2, 'the body is read anew for the request with the new token');
  });

  test('a manifest by digest and by tag, and what a tag is', { timeout }, async () => {
    await using at = await port();
    await using registry = testRegistry();
    const tag = parseReference(`${at.server.host}/team/app:1`);
    assert.equal(await registry.find(tag), undefined);
    const config = makeBlob(20);
    const { bytes, descriptor } = imageOf(config.descriptor);
    await assert.rejects(
      registry.putManifest(tag, { descriptor, bytes }),
      failsWith('ERR_BLOBS_MISSING'),
    );
    await registry.uploadBlob(await registry.startUpload(at.app), config.descriptor, {
      body: bodyOf(config.bytes),
    });
    await registry.putManifest({ ...at.app, digest: descriptor.digest }, { descriptor, bytes });
    assert.equal(await registry.find(tag), undefined);
    await registry.putManifest(tag, { descriptor, bytes });
    assert.deepEqual(await registry.find(tag), descriptor);
  });

  test('a manifest that is deleted takes its tags with it; who does not delete says so', {
    timeout,
  }, async () => {
    await using at = await port();
    await using registry = testRegistry();
    const tag = parseReference(`${at.server.host}/team/app:1`);
    const config = makeBlob(20);
    const { bytes, descriptor } = imageOf(config.descriptor);
    await registry.uploadBlob(await registry.startUpload(at.app), config.descriptor, {
      body: bodyOf(config.bytes),
    });
    await registry.putManifest(tag, { descriptor, bytes });
    assert.equal(await registry.deleteManifest(at.app, descriptor.digest), true);
    assert.equal(await registry.find(tag), undefined);
    assert.equal(await registry.deleteManifest(at.app, descriptor.digest), true, 'gone is gone');
    at.server.faults = { rules: [{ on: { method: 'DELETE' }, status: 405 }] };
    assert.equal(await registry.deleteManifest(at.app, descriptor.digest), false);
    at.server.faults = { rules: [{ on: { method: 'DELETE' }, status: 500 }] };
    await assert.rejects(registry.deleteManifest(at.app, descriptor.digest));
  });

  test('a session that nobody needs is deleted, and one that is gone is no error', {
    timeout,
  }, async () => {
    await using at = await port();
    await using registry = testRegistry({ retry: noRetry });
    const session = await registry.startUpload(at.app);
    await registry.deleteUpload(session);
    assert.equal(await registry.checkUpload(session), undefined);
    await registry.deleteUpload(session);
    const { bytes, descriptor } = makeBlob(10);
    await assert.rejects(
      registry.uploadBlob(session, descriptor, { body: bodyOf(bytes) }),
      failsWith('ERR_UPLOAD_LOST', /no longer knows/),
    );
  });

  test('an upload that is aborted ends at once, and its file is let go', { timeout }, async () => {
    await using at = await port();
    at.server.faults = { rules: [{ on: { method: 'PUT' }, stallAt: 10_000 }] };
    await using registry = testRegistry();
    const { bytes, descriptor } = makeBlob(60_000_000);
    const stop = new AbortController();
    const closed = Promise.withResolvers<void>();
    let asked = 0;
    const body: BlobBody = {
      async *read(start, end) {
        try {
          for (let from = start; from < end; from += 100_000) {
            asked = from;
            if (from === 1_000_000) setImmediate(() => stop.abort(new Error('enough')));
            yield bytes.subarray(from, Math.min(end, from + 100_000));
          }
        } finally {
          closed.resolve();
        }
      },
    };
    const session = await registry.startUpload(at.app);
    await assert.rejects(
      registry.uploadBlob(session, descriptor, { body, signal: stop.signal }),
      /enough/,
    );
    await closed.promise;
    assert.ok(asked < 59_000_000, 'what the socket does not take is not read');
  });
});

describe('refusals of pushes', () => {
  const cases: readonly (readonly [number, object, string, RegExp])[] = [
    [413, {}, 'ERR_BODY_LIMIT', /too large/],
    [405, { code: 'UNSUPPORTED', message: 'read-only' }, 'ERR_READ_ONLY', /read-only/],
    [401, { code: 'UNAUTHORIZED', message: 'no' }, 'ERR_UNAUTHORIZED', /anonymous/],
    [403, { code: 'DENIED', message: 'no' }, 'ERR_DENIED', /does not take/],
    [403, { code: 'DENIED', message: 'quota has been exceeded' }, 'ERR_REGISTRY_FULL', /no room/],
    [
      500,
      { code: 'UNKNOWN', message: 'write: no space left on device' },
      'ERR_REGISTRY_FULL',
      /no room/,
    ],
    [507, {}, 'ERR_REGISTRY_FULL', /no room/],
    [404, { code: 'NAME_UNKNOWN', message: 'no repository' }, 'ERR_NOT_FOUND', /repository/],
    [404, { code: 'BLOB_UPLOAD_UNKNOWN', message: 'gone' }, 'ERR_UPLOAD_LOST', /no longer/],
    [400, { code: 'DIGEST_INVALID', message: 'no' }, 'ERR_DIGEST_MISMATCH', /did not arrive/],
    [412, { code: 'PRECONDITION', message: 'immutable' }, 'ERR_TAG_IMMUTABLE', /change/],
  ];
  for (const [status, error, code, text] of cases) {
    test(`${status} ${JSON.stringify(error)} is ${code}`, { timeout }, async () => {
      const answer = Buffer.from(JSON.stringify({ errors: [error] }));
      await using server = await startRawServer((_request, socket) =>
        respond(socket, status, { 'content-type': 'application/json' }, answer),
      );
      await using registry = testRegistry({ retry: noRetry });
      const app = { registry: server.host, repository: 'app' };
      const { bytes, descriptor } = makeManifest();
      const reference = { ...app, digest: descriptor.digest };
      await assert.rejects(
        registry.putManifest(reference, { descriptor, bytes }),
        failsWith(code, text),
      );
    });
  }

  test('an answer that comes before the body has ended is heard', { timeout }, async () => {
    await using server = await startRawServer((request, socket) => {
      if (request.method === 'POST') respond(socket, 202, { location: '/v2/app/blobs/uploads/1' });
      else respond(socket, 413);
    });
    await using registry = testRegistry({ retry: noRetry });
    const app = { registry: server.host, repository: 'app' };
    const { bytes, descriptor } = makeBlob(2_000_000);
    const session = await registry.startUpload(app);
    await assert.rejects(
      registry.uploadBlob(session, descriptor, { body: bodyOf(bytes) }),
      failsWith('ERR_BODY_LIMIT', /413/),
    );
  });
});

describe('where uploads go on', () => {
  async function locationIs(location: string | undefined): Promise<UploadSession> {
    await using server = await startRawServer((_request, socket) =>
      respond(socket, 202, location === undefined ? {} : { location }),
    );
    await using registry = testRegistry({ retry: noRetry });
    return await registry.startUpload({ registry: server.host, repository: 'app' });
  }

  test('at a relative or an absolute address, its query kept', { timeout }, async () => {
    const relative = await locationIs('/v2/app/blobs/uploads/7?_state=x%2Fy&a=b');
    assert.equal(relative.url.pathname, '/v2/app/blobs/uploads/7');
    assert.equal(relative.url.search, '?_state=x%2Fy&a=b');
    const absolute = await locationIs('https://uploads.example/7?sig=1');
    assert.equal(absolute.url.href, 'https://uploads.example/7?sig=1');
  });

  test('nowhere, or out of where it is safe', { timeout }, async () => {
    await assert.rejects(locationIs(undefined), failsWith('ERR_UPLOAD_LOCATION'));
    await assert.rejects(
      locationIs('http://elsewhere.example/7'),
      failsWith('ERR_UPLOAD_LOCATION'),
    );
    await assert.rejects(locationIs('file:///etc/passwd'), failsWith('ERR_UPLOAD_LOCATION'));
  });

  test('another host gets the bytes and no credentials', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(1000);
    await using other = await startRawServer((request, socket) =>
      request.headers.has('authorization')
        ? respond(socket, 400)
        : respond(socket, 201, { 'docker-content-digest': descriptor.digest }),
    );
    await using server = await startRawServer((request, socket) => {
      if (!request.headers.has('authorization')) {
        respond(socket, 401, { 'www-authenticate': 'Basic realm="x"' });
      } else respond(socket, 202, { location: `http://${other.host}/put?sig=1` });
    });
    const credentials = {
      lookup: async () =>
        ({ kind: 'basic', username: 'me', password: 'secret', source: 'a test' }) as const,
    };
    await using registry = testRegistry({ credentials, retry: noRetry });
    const session = await registry.startUpload({ registry: server.host, repository: 'app' });
    await registry.uploadBlob(session, descriptor, { body: bodyOf(bytes) });
    assert.equal(other.requests.length, 1);
    assert.match(other.requests[0]?.path ?? '', /^\/put\?sig=1&digest=sha256/);
  });
});

/** A manifest of one config and no layers. */
function imageOf(config: Descriptor): { bytes: Buffer; descriptor: Descriptor } {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const { digest, size } = config;
  const document = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size },
    layers: [],
  };
  const bytes = Buffer.from(JSON.stringify(document));
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength } };
}
