import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { divide } from '../../src/serve/shaper.ts';
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
  // 2 % holds over 2 s on a quiet machine; tests run beside others on a busy one.
  const off = Math.abs(actual / expected - 1);
  assert.ok(off < 0.1, `${label}: ${Math.round(actual)} instead of ${expected} bytes/s`);
}

test('holds rates per body, in total, and in a crowd', { timeout }, async () => {
  await using harness = await startHarness({ layers: [{ size: 40_000_000 }] });
  const { server } = harness;
  server.faults = { bytesPerSecond: 2_000_000 };
  near(await measure(harness, 5), 10_000_000, 'each 2 MB/s, 5 bodies');
  server.faults = { totalBytesPerSecond: 15_000_000 };
  near(await measure(harness, 12), 15_000_000, 'in total 15 MB/s, 12 bodies');
  server.faults = { bytesPerSecond: 4_000_000, totalBytesPerSecond: 10_000_000 };
  near(await measure(harness, 2), 8_000_000, 'both, 2 bodies');
  const slow = { above: 4, effect: 'slow', gamma: 2 } as const;
  server.faults = { totalBytesPerSecond: 16_000_000, crowd: slow };
  near(await measure(harness, 8), 4_000_000, 'twice as many as bearable, gamma 2');
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
