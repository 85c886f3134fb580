import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setImmediate as nextTick } from 'node:timers/promises';
import type { BlobStream, RegistryOptions } from '../../src/registry/index.ts';
import { collect, fixture, makeBlob, serverTls, testRegistry } from './support/fixtures.ts';
import {
  head,
  type RawHandler,
  type RawRequest,
  type RawServer,
  respond,
  startRawServer,
} from './support/rawServer.ts';

/** Everything here holds for both readers, in the clear and in TLS. */
const variants = [
  { via: 'direct', tls: false },
  { via: 'undici', tls: false },
  { via: 'direct', tls: true },
  { via: 'undici', tls: true },
] as const;

const timeout = 20_000;
const noRetry = { maxAttempts: 1 };

for (const variant of variants) {
  describe(`blobs over ${variant.tls ? 'TLS' : 'TCP'}, ${variant.via}`, () => suite(variant));
}

function suite({ via, tls }: (typeof variants)[number]): void {
  const start = (handler: RawHandler, host = 'localhost'): Promise<RawServer> =>
    startRawServer(handler, { host, ...(tls ? { tls: serverTls() } : {}) });
  const open = (options: RegistryOptions = {}): ReturnType<typeof testRegistry> =>
    testRegistry({
      bodyPath: via === 'direct' ? 'auto' : 'undici',
      ca: tls ? fixture('ca.pem') : [],
      ...options,
    });
  const addressOf = (server: RawServer): { registry: string; repository: string } => ({
    registry: server.host,
    repository: 'team/app',
  });

  test('a whole blob, in order and exactly', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(3_000_000);
    await using server = await start((_request, socket) => respond(socket, 200, {}, bytes));
    await using registry = open();
    const blob = await registry.openBlob(addressOf(server), descriptor);
    assert.deepEqual(
      [blob.via, blob.start, blob.end, blob.ranged],
      [via, 0, bytes.byteLength, false],
    );
    assert.equal(blob.origin, `http${tls ? 's' : ''}://localhost:${server.port}`);
    assert.ok((await collect(blob)).equals(bytes));
    assert.equal(server.requests.at(-1)?.headers.get('range'), undefined);
    const isTimed = via === 'direct';
    for (const place of [server.host, blob.origin]) {
      assert.equal((registry.connectMs(place) ?? -1) >= 0, isTimed, place);
    }
    assert.equal(registry.connectMs('elsewhere.example'), undefined);
  });

  test('an empty blob', { timeout }, async () => {
    const { descriptor } = makeBlob(0);
    await using server = await start((_request, socket) => respond(socket, 200));
    await using registry = open();
    const blob = await registry.openBlob(addressOf(server), descriptor);
    assert.equal((await collect(blob)).byteLength, 0);
  });

  test('one connection serves one blob after the other', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(300_000);
    await using server = await start((_request, socket) => respond(socket, 200, {}, bytes));
    await using registry = open();
    for (let i = 0; i < 3; i += 1) {
      const blob = await registry.openBlob(addressOf(server), descriptor);
      assert.ok((await collect(blob)).equals(bytes));
      // undici puts a connection back a turn of the event loop later.
      await nextTick();
    }
    assert.equal(new Set(server.requests.map(({ connection }) => connection)).size, 1);
  });

  test('a kept connection that the server has closed is replaced', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(10_000);
    await using server = await start(({ connection }, socket) => {
      const second = server.requests.filter((past) => past.connection === connection).length > 1;
      if (second) socket.destroy();
      else respond(socket, 200, {}, bytes);
    });
    await using registry = open();
    for (let i = 0; i < 3; i += 1) {
      const blob = await registry.openBlob(addressOf(server), descriptor);
      assert.ok((await collect(blob)).equals(bytes));
      await nextTick();
    }
  });

  test('a consumer that is slow slows the sender and loses nothing', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(8_000_000);
    await using server = await start((_request, socket) => respond(socket, 200, {}, bytes));
    await using registry = open({ stallTimeoutMs: 200 });
    const blob = await registry.openBlob(addressOf(server), descriptor);
    const chunks: Buffer[] = [];
    let waited = false;
    await blob.consume(async (chunk) => {
      // Longer than the stall timeout, once: silence that we cause is not a stall.
      await (waited ? nextTick() : new Promise((resolve) => setTimeout(resolve, 500)));
      waited = true;
      chunks.push(Buffer.from(chunk));
    });
    assert.ok(Buffer.concat(chunks).equals(bytes));
  });

  test('a consumer that is slow now and then loses nothing', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(4_000_000);
    await using server = await start((_request, socket) => respond(socket, 200, {}, bytes));
    await using registry = open();
    for (let round = 0; round < 2; round += 1) {
      const blob = await registry.openBlob(addressOf(server), descriptor);
      const chunks: Buffer[] = [];
      let count = 0;
      await blob.consume((chunk) => {
        count += 1;
        if (count % 3 !== 0) {
          chunks.push(Buffer.from(chunk));
          return undefined;
        }
        return nextTick().then(() => void chunks.push(Buffer.from(chunk)));
      });
      assert.ok(Buffer.concat(chunks).equals(bytes));
    }
  });

  test('a body in pieces of every size, its head cut anywhere', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(20_000);
    await using server = await start(async (_request, socket) => {
      const all = Buffer.concat([
        Buffer.from(head(200, { 'Content-Length': String(bytes.byteLength) })),
        bytes,
      ]);
      socket.setNoDelay(true);
      for (let at = 0, size = 1; at < all.byteLength; at += size, size = (size * 3) % 4001) {
        socket.write(all.subarray(at, at + size));
        await nextTick();
      }
    });
    await using registry = open();
    const blob = await registry.openBlob(addressOf(server), descriptor);
    assert.ok((await collect(blob)).equals(bytes));
  });

  describe('ranges', () => {
    const { bytes, descriptor } = makeBlob(100_000);
    const serve = ({ headers }: RawRequest, socket: Socket): void => {
      const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.get('range') ?? '') ?? [];
      const [from, to] = [Number(first), last === '' ? bytes.byteLength : Number(last) + 1];
      const fields = { 'Content-Range': `bytes ${from}-${to - 1}/${bytes.byteLength}` };
      respond(socket, 206, fields, bytes.subarray(from, to));
    };

    test('are asked for and checked', { timeout }, async () => {
      await using server = await start(serve);
      await using registry = open();
      for (const [request, field] of [
        [{ start: 0 }, 'bytes=0-'],
        [{ start: 10 }, 'bytes=10-'],
        [{ start: 10, end: 11 }, 'bytes=10-10'],
        [{ end: 500 }, 'bytes=0-499'],
        [{ start: 99_999 }, 'bytes=99999-'],
      ] as const) {
        const blob = await registry.openBlob(addressOf(server), descriptor, request);
        assert.equal(blob.ranged, true);
        const expected = bytes.subarray(blob.start, blob.end);
        assert.ok((await collect(blob)).equals(expected), field);
        assert.equal(server.requests.at(-1)?.headers.get('range'), field);
        await nextTick();
      }
    });

    test('are refused before the request where they are none', { timeout }, async () => {
      await using server = await start(serve);
      await using registry = open();
      for (const request of [
        { start: -1 },
        { start: 100_000 },
        { start: 5, end: 5 },
        { end: 1e6 },
      ]) {
        await assert.rejects(registry.openBlob(addressOf(server), descriptor, request), RangeError);
      }
      assert.equal(server.requests.length, 0);
    });

    test('a 200 is handed on as the whole that it is', { timeout }, async () => {
      await using server = await start((_request, socket) => respond(socket, 200, {}, bytes));
      await using registry = open();
      const blob = await registry.openBlob(addressOf(server), descriptor, { start: 5000 });
      assert.deepEqual([blob.start, blob.end, blob.ranged], [0, bytes.byteLength, false]);
      assert.ok((await collect(blob)).equals(bytes));
    });

    const wrong: readonly [string, Record<string, string>, string][] = [
      ['another start', { 'Content-Range': 'bytes 4-9/100000' }, 'ERR_RANGE_MISMATCH'],
      ['another end', { 'Content-Range': 'bytes 5-10/100000' }, 'ERR_RANGE_MISMATCH'],
      ['another total', { 'Content-Range': 'bytes 5-9/100001' }, 'ERR_SIZE_MISMATCH'],
      ['no range', {}, 'ERR_RANGE_MISMATCH'],
      ['junk', { 'Content-Range': 'bytes 5-9' }, 'ERR_RANGE_MISMATCH'],
      [
        'several ranges',
        { 'Content-Type': 'multipart/byteranges; boundary=x', 'Content-Range': 'bytes 5-9/100000' },
        'ERR_RANGE_MISMATCH',
      ],
    ];
    for (const [name, fields, code] of wrong) {
      test(`a 206 with ${name} is refused`, { timeout }, async () => {
        await using server = await start((_request, socket) =>
          respond(socket, 206, fields, bytes.subarray(5, 10)),
        );
        await using registry = open();
        const asked = registry.openBlob(addressOf(server), descriptor, { start: 5, end: 10 });
        await assert.rejects(asked, { code, retryable: false });
        assert.equal(server.requests.length, 1);
      });
    }

    test('a 416 has its own code', { timeout }, async () => {
      await using server = await start((_request, socket) => respond(socket, 416));
      await using registry = open();
      const asked = registry.openBlob(addressOf(server), descriptor, { start: 5 });
      await assert.rejects(asked, { code: 'ERR_RANGE_NOT_SATISFIABLE', status: 416 });
    });
  });

  describe('lengths', () => {
    const { bytes, descriptor } = makeBlob(50_000);

    test('another Content-Length than the descriptor is refused at once', { timeout }, async () => {
      await using server = await start((_request, socket) =>
        respond(socket, 200, {}, bytes.subarray(1)),
      );
      await using registry = open();
      const asked = registry.openBlob(addressOf(server), descriptor);
      await assert.rejects(asked, { code: 'ERR_SIZE_MISMATCH', retryable: false });
    });

    test('chunked bodies are read, with undici', { timeout }, async () => {
      await using server = await start((_request, socket) => {
        socket.write(head(200, { 'Transfer-Encoding': 'chunked' }));
        socket.write(`${bytes.byteLength.toString(16)}\r\n`);
        socket.write(bytes);
        socket.write('\r\n0\r\n\r\n');
      });
      await using registry = open();
      const blob = await registry.openBlob(addressOf(server), descriptor);
      assert.equal(blob.via, 'undici');
      assert.ok((await collect(blob)).equals(bytes));
      const asked = server.requests.length;
      await collect(await registry.openBlob(addressOf(server), descriptor));
      assert.equal(server.requests.length, asked + 1, 'an odd origin is asked once a blob');
    });

    test('who has no room is asked once, whatever the body is like', { timeout }, async () => {
      for (const status of [416, 429, 500, 503]) {
        await using server = await start((_request, socket) => {
          socket.write(head(status, { 'Transfer-Encoding': 'chunked' }));
          socket.write('2\r\n{}\r\n0\r\n\r\n');
        });
        await using registry = open();
        const asked = registry.openBlob(addressOf(server), descriptor, { retry: false });
        await assert.rejects(asked, { status });
        assert.equal(server.requests.length, 1, String(status));
      }
    });

    test('bodies that end with the connection are read', { timeout }, async () => {
      await using server = await start((_request, socket) => {
        socket.write(head(200, { Connection: 'close' }));
        socket.end(bytes);
      });
      await using registry = open();
      const blob = await registry.openBlob(addressOf(server), descriptor);
      assert.ok((await collect(blob)).equals(bytes));
    });

    const cut: readonly [string, (socket: Socket) => void][] = [
      [
        'with a length',
        (socket) => {
          socket.write(head(200, { 'Content-Length': String(bytes.byteLength) }));
          socket.end(bytes.subarray(0, 30_000));
        },
      ],
      [
        'without a length',
        (socket) => {
          socket.write(head(200, { Connection: 'close' }));
          socket.end(bytes.subarray(0, 30_000));
        },
      ],
      [
        'in the middle of a chunk',
        (socket) => {
          socket.write(head(200, { 'Transfer-Encoding': 'chunked' }));
          socket.write(`${bytes.byteLength.toString(16)}\r\n`);
          socket.end(bytes.subarray(0, 30_000));
        },
      ],
    ];
    for (const [name, send] of cut) {
      test(`a body that ends too early ${name} delivers what came, and fails`, {
        timeout,
      }, async () => {
        await using server = await start((_request, socket) => send(socket));
        await using registry = open();
        const blob = await registry.openBlob(addressOf(server), descriptor);
        await rejectsAfter(blob, bytes.subarray(0, 30_000), 'ERR_BODY_TRUNCATED');
      });
    }

    test('more than belongs here is cut off', { timeout }, async () => {
      await using server = await start((_request, socket) => {
        socket.write(head(200, { Connection: 'close' }));
        socket.end(Buffer.concat([bytes, Buffer.alloc(500_000)]));
      });
      await using registry = open();
      const blob = await registry.openBlob(addressOf(server), descriptor);
      let received = 0;
      const consumed = blob.consume((chunk) => {
        received += chunk.byteLength;
        return undefined;
      });
      await assert.rejects(consumed, { code: 'ERR_BODY_TOO_LONG', retryable: false });
      assert.ok(received <= bytes.byteLength);
    });

    test('bytes after the end are no answer to the next request', { timeout }, async () => {
      await using server = await start((_request, socket) => {
        respond(socket, 200, {}, bytes);
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\nsmuggled');
      });
      await using registry = open({ stallTimeoutMs: 2000 });
      for (let i = 0; i < 2; i += 1) {
        const blob = await registry.openBlob(addressOf(server), descriptor);
        assert.ok((await collect(blob)).equals(bytes));
        await nextTick();
      }
    });
  });

  const malformed: readonly [string, string][] = [
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello',
    ],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`],
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ];
  for (const [name, text] of malformed) {
    test(`${name}: refused`, { timeout }, async () => {
      const { descriptor } = makeBlob(5);
      await using server = await start((_request, socket) => {
        socket.end(text);
      });
      await using registry = open({ retry: noRetry, connectTimeoutMs: 500 });
      await assert.rejects(registry.openBlob(addressOf(server), descriptor), {
        code: 'ERR_RESPONSE_INVALID',
      });
    });
  }

  test('a reset in the middle is a network error', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(500_000);
    const consumed = Promise.withResolvers<void>();
    await using server = await start(async (_request, socket) => {
      socket.write(head(200, { 'Content-Length': String(bytes.byteLength) }));
      socket.write(bytes.subarray(0, 1000));
      await consumed.promise;
      if (tls) socket.destroy();
      else socket.resetAndDestroy();
    });
    await using registry = open();
    const blob = await registry.openBlob(addressOf(server), descriptor);
    const result = blob.consume(() => {
      consumed.resolve();
      return undefined;
    });
    await assert.rejects(result, {
      // A TLS server here cannot reset: what its client sees is a close.
      code: tls ? 'ERR_BODY_TRUNCATED' : 'ERR_NETWORK',
      retryable: true,
    });
  });

  test('silence in the middle is a stall, and the connection is cut', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(10_000);
    const closed = Promise.withResolvers<void>();
    await using server = await start((_request, socket) => {
      socket.once('close', () => closed.resolve());
      socket.write(head(200, { 'Content-Length': String(bytes.byteLength) }));
      socket.write(bytes.subarray(0, 1000));
    });
    await using registry = open({ stallTimeoutMs: 300 });
    const blob = await registry.openBlob(addressOf(server), descriptor);
    await rejectsAfter(blob, bytes.subarray(0, 1000), 'ERR_STALLED');
    await closed.promise;
  });

  test('no answer in time is a timeout', { timeout }, async () => {
    await using server = await start(() => undefined);
    await using registry = open({ headersTimeoutMs: 300, retry: noRetry });
    await assert.rejects(registry.openBlob(addressOf(server), makeBlob(5).descriptor), {
      code: 'ERR_TIMEOUT',
      message: /did not answer in time/,
      retryable: true,
    });
  });

  test('an abort cuts the connection, before the head and in the body', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(10_000);
    const reason = new Error('enough');
    for (const inBody of [false, true]) {
      const asked = Promise.withResolvers<Socket>();
      await using server = await start((_request, socket) => {
        if (inBody) {
          socket.write(head(200, { 'Content-Length': String(bytes.byteLength) }));
          socket.write(bytes.subarray(0, 1000));
        }
        asked.resolve(socket);
      });
      await using registry = open();
      const controller = new AbortController();
      const opened = registry.openBlob(addressOf(server), descriptor, {
        signal: controller.signal,
      });
      const result = inBody ? opened.then((blob) => collect(blob)) : opened;
      result.catch(() => undefined);
      const socket = await asked.promise;
      if (inBody) await opened;
      const closed = closing(socket);
      controller.abort(reason);
      await assert.rejects(result, reason);
      await closed;
    }
  });

  test('cancel cuts the connection, and what a consumer throws comes out', {
    timeout,
  }, async () => {
    const { bytes, descriptor } = makeBlob(5_000_000);
    let socket: Socket | undefined;
    await using server = await start((_request, from) => {
      socket = from;
      respond(from, 200, {}, bytes);
    });
    await using registry = open();
    const first = await registry.openBlob(addressOf(server), descriptor);
    assert.ok(socket !== undefined);
    let closed = closing(socket);
    first.cancel();
    first.cancel();
    await closed;
    const failure = new Error('disk full');
    for (const fail of [() => Promise.reject(failure), (): undefined => raise(failure)]) {
      const blob = await registry.openBlob(addressOf(server), descriptor);
      closed = closing(socket);
      await assert.rejects(blob.consume(fail), failure);
      await closed;
    }
  });

  test('a blob behind a redirect comes from there, without credentials', { timeout }, async () => {
    const { bytes, descriptor } = makeBlob(50_000);
    // The same machine under another name is another host.
    await using storage = await start(
      (_request, socket) => respond(socket, 200, {}, bytes),
      '127.0.0.1',
    );
    const location = `http${tls ? 's' : ''}://${storage.host}/store?X-Signature=secret`;
    await using server = await start((request, socket) => {
      if (request.headers.get('authorization') === undefined) {
        respond(socket, 401, { 'WWW-Authenticate': 'Basic realm="x"' });
      } else respond(socket, 307, { Location: location });
    });
    const credential = { kind: 'basic', username: 'me', password: 'pw', source: 'test' } as const;
    await using registry = open({ credentials: { lookup: () => Promise.resolve(credential) } });
    for (let i = 0; i < 2; i += 1) {
      const blob = await registry.openBlob(addressOf(server), descriptor);
      assert.equal(blob.origin, `http${tls ? 's' : ''}://127.0.0.1:${storage.port}`);
      assert.ok((await collect(blob)).equals(bytes));
    }
    assert.equal(storage.requests.length, 2);
    for (const { path, headers } of storage.requests) {
      assert.equal(path, '/store?X-Signature=secret');
      assert.equal(headers.get('authorization'), undefined);
    }
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.has('authorization')),
      [false, true, true],
    );
  });

  test('storage that fails is named without its signature', { timeout }, async () => {
    const { descriptor } = makeBlob(50);
    await using storage = await start((_request, socket) => respond(socket, 403), '127.0.0.1');
    const location = `http${tls ? 's' : ''}://${storage.host}/store?X-Signature=secret`;
    await using server = await start((_request, socket) =>
      respond(socket, 307, { Location: location }),
    );
    await using registry = open();
    await assert.rejects(registry.openBlob(addressOf(server), descriptor), (error: Error) => {
      assert.doesNotMatch(JSON.stringify(error) + error.message + error.stack, /secret/);
      return true;
    });
  });

  test('many at once', { timeout }, async () => {
    const blobs = Array.from({ length: 24 }, () => makeBlob(200_000));
    await using server = await start(({ path }, socket) => {
      const found = blobs.find(({ descriptor }) => path.endsWith(descriptor.digest));
      respond(socket, 200, {}, found?.bytes);
    });
    await using registry = open();
    const { signal } = new AbortController();
    await Promise.all(
      blobs.map(async ({ bytes, descriptor }) => {
        const blob = await registry.openBlob(addressOf(server), descriptor, { signal });
        assert.ok((await collect(blob)).equals(bytes));
      }),
    );
  });
}

/** Consumes, and expects a failure of this code after exactly these bytes. */
async function rejectsAfter(blob: BlobStream, bytes: Uint8Array, code: string): Promise<void> {
  const chunks: Buffer[] = [];
  const consumed = blob.consume((chunk) => {
    chunks.push(Buffer.from(chunk));
    return undefined;
  });
  await assert.rejects(consumed, { code, retryable: true });
  assert.ok(Buffer.concat(chunks).equals(bytes));
}

/** Not `once`: that rejects for the reset that a cut connection may look like here. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

function raise(error: Error): never {
  throw error;
}
