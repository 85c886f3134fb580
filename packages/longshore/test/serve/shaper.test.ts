import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../../src/image/index.ts';
import type { CrowdFault } from '../../src/serve/index.ts';
import { createRandom } from '../../src/serve/random.ts';
import { Bucket, Crowd, divide, Shaper } from '../../src/serve/shaper.ts';
import { type Harness, startHarness } from './support/harness.ts';
import { sendRaw } from './support/rawClient.ts';

const timeout = 20_000;

test('divide: nobody gets more than it wants, and nothing is left that somebody wants', () => {
  const want = fc.nat({ max: 100_000 });
  fc.assert(
    fc.property(fc.nat({ max: 500_000 }), fc.array(want, { maxLength: 40 }), (budget, wants) => {
      const shares = divide(budget, wants);
      const given = shares.reduce((sum, share) => sum + share, 0);
      const wanted = wants.reduce((sum, one) => sum + one, 0);
      assert.equal(given, Math.min(budget, wanted));
      for (const [i, share] of shares.entries()) assert.ok(share <= (wants[i] ?? 0));
      // Max-min: who is not served in full has no less than anybody else, but for rounding.
      const most = Math.max(0, ...shares);
      for (const [i, share] of shares.entries()) {
        if (share < (wants[i] ?? 0)) assert.ok(share >= most - wants.length);
      }
    }),
  );
});

interface Scene {
  readonly bytesPerSecond?: number;
  readonly total?: number;
  readonly crowd?: CrowdFault;
  readonly bodies: number;
  readonly seconds: number;
  /** How much later than asked each tick comes. */
  readonly lateMs: (tick: number) => number;
}

/** Bytes that each of some greedy bodies gets, under a clock of our own. */
async function simulate(t: TestContext, scene: Scene): Promise<number[]> {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const shaper = new Shaper(() => now);
  const limits = {
    bytesPerSecond: scene.bytesPerSecond,
    total: scene.total === undefined ? undefined : new Bucket(scene.total),
    crowd: scene.crowd === undefined ? undefined : new Crowd(scene.crowd),
  };
  const moved = Array.from({ length: scene.bodies }, () => 0);
  const bodies = moved.map(async (_, i) => {
    const flow = shaper.open(limits);
    for (;;) {
      const bytes = await flow.take(1_000_000_000);
      if (bytes === 0) return;
      moved[i] = (moved[i] ?? 0) + bytes;
    }
  });
  for (let tick = 0; now < scene.seconds; tick += 1) {
    now += (20 + scene.lateMs(tick)) / 1000;
    t.mock.timers.tick(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  shaper.close();
  await Promise.all(bodies);
  t.mock.timers.reset();
  return moved.map((bytes) => bytes / now);
}

test('rates are exact, however late the ticks come', async (t) => {
  const random = createRandom(7);
  const lateness: readonly Scene['lateMs'][] = [
    () => 0,
    () => random() * 30,
    (tick) => (tick % 10 === 9 ? 180 : 1),
  ];
  for (const [i, lateMs] of lateness.entries()) {
    const sum = async (scene: Omit<Scene, 'lateMs' | 'seconds'>): Promise<number> =>
      (await simulate(t, { ...scene, lateMs, seconds: 2 })).reduce((all, one) => all + one, 0);
    const exact = (actual: number, expected: number): void =>
      assert.ok(Math.abs(actual / expected - 1) < 0.02, `${i}: ${actual}, not ${expected}`);
    exact(await sum({ total: 100_000_000, bodies: 100 }), 100_000_000);
    exact(await sum({ total: 1000, bodies: 7 }), 1000);
    exact(await sum({ bytesPerSecond: 3_000_000, bodies: 32 }), 96_000_000);
    exact(await sum({ bytesPerSecond: 10_000_000, total: 100_000_000, bodies: 5 }), 50_000_000);
    exact(await sum({ bytesPerSecond: 10_000_000, total: 100_000_000, bodies: 16 }), 100_000_000);
    const slow = { above: 5, effect: 'slow', gamma: 1.5 } as const;
    exact(await sum({ total: 60_000_000, crowd: slow, bodies: 10 }), 60_000_000 * 0.5 ** 1.5);
    exact(await sum({ total: 60_000_000, crowd: slow, bodies: 5 }), 60_000_000);
    const queue = { above: 6, effect: 'queue' } as const;
    exact(await sum({ bytesPerSecond: 1_000_000, crowd: queue, bodies: 12 }), 6_000_000);
  }
});

test('bodies share a total in equal parts', async (t) => {
  const rates = await simulate(t, { total: 9_000_000, bodies: 9, seconds: 2, lateMs: () => 3 });
  for (const rate of rates) assert.ok(Math.abs(rate / 1_000_000 - 1) < 0.02, String(rates));
});

/** Opens `width` downloads and counts what arrives in a window after the first bytes. */
async function measure(harness: Harness, width: number, windowMs = 1000): Promise<number> {
  const { server, image } = harness;
  const path = `/v2/app/blobs/${image.layers[0]?.digest}`;
  let bytes = 0;
  const sockets = Array.from({ length: width }, () => {
    const socket = sendRaw(server, [`GET ${path} HTTP/1.1`, 'Host: test']);
    socket.on('data', (chunk) => {
      bytes += chunk.byteLength;
    });
    return socket;
  });
  await waitFor(300);
  const before = { bytes, at: performance.now() };
  await waitFor(windowMs);
  const rate = ((bytes - before.bytes) / (performance.now() - before.at)) * 1000;
  for (const socket of sockets) socket.destroy();
  return rate;
}

/** A rate is a matter of time, so here time has to pass. */
function waitFor(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function near(actual: number, expected: number, label: string): void {
  // Exact to 2 % under a clock of our own, above. Here the machine may be busy with anything, and
  // the ticks late: only what no lateness explains is wrong.
  const ratio = actual / expected;
  assert.ok(ratio > 0.5 && ratio < 1.25, `${label}: ${Math.round(actual)} instead of ${expected}`);
}

test('holds rates per body, in total, and in a crowd', { timeout }, async () => {
  await using harness = await startHarness({ layers: [{ size: 40_000_000 }] });
  const { server } = harness;
  server.faults = { bytesPerSecond: 2_000_000 };
  near(await measure(harness, 5), 10_000_000, 'each 2 MB/s, 5 bodies');
  server.faults = { totalBytesPerSecond: 15_000_000 };
  near(await measure(harness, 12), 15_000_000, 'in total 15 MB/s, 12 bodies');
  const slow = { above: 4, effect: 'slow', gamma: 2 } as const;
  server.faults = { totalBytesPerSecond: 16_000_000, crowd: slow };
  near(await measure(harness, 8), 4_000_000, 'twice as many as bearable, gamma 2');
});

test('holds the rate of uploads, of known length and chunked', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  server.faults = { bytesPerSecond: 20_000_000 };
  const body = Buffer.alloc(10_000_000);
  const digest = digestOf(body);
  const upload = async (headers: readonly string[], content: readonly Uint8Array[]) => {
    const path = `/v2/a/blobs/uploads/?digest=${digest}`;
    const started = performance.now();
    const socket = sendRaw(server, [`POST ${path} HTTP/1.1`, 'Host: test', ...headers]);
    for (const chunk of content) socket.write(chunk);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    assert.match(answer.toString('latin1'), /^HTTP\/1\.1 201 /);
    const rate = body.byteLength / ((performance.now() - started) / 1000);
    // The time includes the commit with its fsync, so only one side is sharp.
    assert.ok(rate < 22_000_000 && rate > 8_000_000, `${String(headers)}: ${rate} bytes/s`);
  };
  await upload([`Content-Length: ${body.byteLength}`], [body]);
  const size = Buffer.from(`${body.byteLength.toString(16)}\r\n`);
  await upload(['Transfer-Encoding: chunked'], [size, body, Buffer.from('\r\n0\r\n\r\n')]);
});

test('takes hold of bodies that are under way', { timeout }, async () => {
  await using harness = await startHarness({ layers: [{ size: 40_000_000 }] });
  const { server, image } = harness;
  server.faults = { bytesPerSecond: 0 };
  const path = `/v2/app/blobs/${image.layers[0]?.digest}`;
  const socket = sendRaw(server, [`GET ${path} HTTP/1.1`, 'Host: test', 'Connection: close']);
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.byteLength;
  });
  await waitFor(200);
  assert.equal(server.stats.bytesServed, 0);
  server.faults = { bytesPerSecond: 5_000_000 };
  await waitFor(200);
  const early = server.stats.bytesServed;
  assert.ok(early > 100_000 && early < 5_000_000, `${early} bytes in 0.2 s at 5 MB/s`);
  server.faults = {};
  await new Promise((resolve) => {
    socket.on('close', resolve);
  });
  assert.ok(bytes > 40_000_000);
});

test('counts how many bodies move at once, and for how long', { timeout }, async () => {
  await using harness = await startHarness({ layers: [{ size: 40_000_000 }] });
  const { server } = harness;
  server.faults = { totalBytesPerSecond: 5_000_000 };
  server.stats.reset();
  await measure(harness, 3, 200);
  assert.equal(server.stats.maxBodies, 3);
  assert.ok(server.stats.bodySeconds > 3 * 0.4 && server.stats.bodySeconds < 3 * 2);
  assert.equal(server.stats.maxConnections, 3);
});
