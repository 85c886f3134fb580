import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FaultRule } from '../../../src/serve/index.ts';
import { eventsOf } from '../harness.ts';
import { countOf, type Quay, quay } from './harness.ts';

const LIMIT = { timeout: 30_000 };
const KB = 1000;
const UPLOAD = { kind: 'upload', repository: 'bad' } as const;

interface Trouble {
  readonly rule: FaultRule;
  readonly code: string;
  /** What the person reads. */
  readonly says: RegExp;
  readonly chunkBytes?: number;
}

/** Issue 5, "Bad input": what a registry may answer for good. */
const TROUBLES: Readonly<Record<string, Trouble>> = {
  'is full and says so with 507': {
    rule: { on: { ...UPLOAD, method: 'PUT' }, status: 507 },
    code: 'ERR_REGISTRY_FULL',
    says: /has no room for blob/,
  },
  'is full and says so with the errno in a 500': {
    rule: {
      on: { ...UPLOAD, method: 'PUT' },
      status: 500,
      says: { message: 'write /var/lib/registry/x: no space left on device' },
    },
    code: 'ERR_REGISTRY_FULL',
    says: /no room.*no space left on device/,
  },
  'has a quota that is spent': {
    rule: {
      on: { ...UPLOAD, method: 'PATCH' },
      status: 403,
      says: { code: 'DENIED', message: 'adding 1.2 MiB would exceed the quota of the project' },
    },
    code: 'ERR_REGISTRY_FULL',
    says: /quota/,
    chunkBytes: 40 * KB,
  },
  'is read-only': {
    rule: { on: { ...UPLOAD, method: 'POST' }, status: 405 },
    code: 'ERR_READ_ONLY',
    says: /read-only/,
  },
  'denies this account to push there': {
    rule: { on: { ...UPLOAD, method: 'POST' }, status: 403 },
    code: 'ERR_DENIED',
    says: /does not take/,
  },
  'takes the credentials no more': {
    rule: { on: { ...UPLOAD, method: 'PUT' }, status: 401 },
    code: 'ERR_UNAUTHORIZED',
    says: /does not take/,
  },
  'has a proxy before it that limits bodies': {
    rule: { on: { ...UPLOAD, method: 'PUT' }, status: 413 },
    code: 'ERR_BODY_LIMIT',
    says: /too large/,
  },
  'has an immutable tag': {
    rule: {
      on: { kind: 'manifest', method: 'PUT', repository: 'bad', reference: '1' },
      status: 409,
    },
    code: 'ERR_TAG_IMMUTABLE',
    says: /does not let/,
  },
};

async function pushThree(port: Quay, options: Parameters<Quay['push']>[1] = {}) {
  const names = ['good:1', 'bad:1', 'fine:1'];
  for (const name of names) {
    await port.seed(name, {
      layers: [
        { size: 90 * KB, seed: 'shared' },
        { size: 50 * KB, seed: name },
      ],
    });
  }
  const result = await port.push(names, options);
  return { result, names };
}

describe('a registry that', LIMIT, () => {
  for (const [name, { rule, code, says, chunkBytes }] of Object.entries(TROUBLES)) {
    test(`${name}: one image fails with its reason, the others are pushed`, LIMIT, async () => {
      await using port = await quay();
      port.server.faults = { rules: [rule] };
      const { result } = await pushThree(port, { chunkBytes });
      assert.deepEqual(
        result.images.map(({ state, error }) => error?.code ?? state),
        ['pushed', code, 'pushed'],
      );
      const error = result.images[1]?.error;
      assert.match(error?.message ?? '', says);
      assert.match(error?.message ?? '', new RegExp(port.server.host));
      assert.ok((error?.hint ?? '') !== '', 'it says what to do');
      assert.equal(result.outcome, 'failed');
      assert.equal(await port.remote.getReference('localhost/bad:1'), undefined);
    });
  }
});

describe('what passes', LIMIT, () => {
  test(
    'a range that is refused: the upload goes on where the registry says it is',
    LIMIT,
    async () => {
      await using port = await quay();
      const image = await port.seed('app:1', { layers: [{ size: 400 * KB }] });
      port.server.faults = {
        rules: [{ on: { kind: 'upload', method: 'PATCH', nth: 3 }, status: 416 }],
      };
      const result = await port.push(['app:1'], { chunkBytes: 100 * KB });
      assert.deepEqual(
        result.images.map(({ state }) => state),
        ['pushed'],
      );
      assert.ok(countOf(port, 'GET', /blobs\/uploads/) >= 1, 'it asked where the upload is');
      const total = image.blobs.reduce((sum, { size }) => sum + size, 0);
      assert.ok(result.sentBytes <= total + 100 * KB, `${result.sentBytes} of ${total}`);
    },
  );

  test(
    'a session that is lost in the middle of its chunks: the blob begins anew',
    LIMIT,
    async () => {
      await using port = await quay();
      await port.seed('app:1', { layers: [{ size: 400 * KB }] });
      port.server.faults = {
        rules: [
          {
            on: { kind: 'upload', method: 'PATCH', nth: 3 },
            status: 404,
            says: { code: 'BLOB_UPLOAD_UNKNOWN' },
          },
          { on: { kind: 'upload', method: 'GET' }, status: 404 },
        ],
      };
      const result = await port.push(['app:1'], { chunkBytes: 100 * KB });
      assert.deepEqual(
        result.images.map(({ state }) => state),
        ['pushed'],
      );
    },
  );

  test('a registry that sees its own blobs a moment later', LIMIT, async () => {
    await using port = await quay();
    await port.seed('app:1', { layers: [{ size: 40 * KB }] });
    const put = { kind: 'manifest', method: 'PUT', first: 2 } as const;
    port.server.faults = {
      rules: [{ on: put, status: 400, says: { code: 'MANIFEST_BLOB_UNKNOWN' } }],
    };
    const result = await port.push(['app:1']);
    assert.deepEqual(
      result.images.map(({ state }) => state),
      ['pushed'],
    );
    assert.equal(countOf(port, 'PUT', /blobs\/uploads/, 201), 2, 'no blob is sent again');
  });

  test(
    'tokens that die while others are pushed: each upload asks for one that lives',
    LIMIT,
    async () => {
      const users = { anna: 'secret' };
      await using port = await quay({
        auth: { kind: 'token', users },
        registry: {
          credentials: {
            lookup: () =>
              Promise.resolve({
                kind: 'basic',
                username: 'anna',
                password: 'secret',
                source: 'test',
              }),
          },
        },
      });
      const { names } = await pushThree(port);
      let revoked = false;
      const result = await port.push(
        names.map((name) => `${name}=again/${name}`),
        {
          pushers: 1,
          onEvent: (event) => {
            if (event.type === 'blob.pushed' && !revoked) port.server.revokeTokens();
            revoked ||= event.type === 'blob.pushed';
          },
        },
      );
      assert.deepEqual(
        result.images.map(({ state, error }) => error?.message ?? state),
        names.map(() => 'pushed'),
      );
      const refused = port.server.stats.log.filter(
        ({ status, authorized }) => status === 401 && authorized,
      );
      assert.ok(refused.length > 0, 'tokens did die');
    },
  );

  test('a blob whose upload is cut is sent again before others that wait', LIMIT, async () => {
    await using port = await quay();
    const names = Array.from({ length: 6 }, (_, i) => `app${i}:1`);
    for (const name of names) await port.seed(name, { layers: [{ size: 60 * KB, seed: name }] });
    port.server.faults = { rules: [{ on: { kind: 'upload', method: 'PUT', nth: 1 }, stallAt: 1 }] };
    const startedAt = performance.now();
    const result = await port.push(names, {
      pushers: 2,
      now: () => startedAt + 10 * (performance.now() - startedAt),
    });
    assert.equal(result.outcome, 'succeeded');
    assert.equal(eventsOf(port.events, 'upload.cut').length, 1);
  });
});
