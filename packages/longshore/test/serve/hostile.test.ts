import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { startHarness } from './support/harness.ts';
import { getRaw } from './support/rawClient.ts';

const timeout = 20_000;

test('answers every request target, and stays alive', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const piece = fc.constantFrom(
    ...'v2 .. . app manifests blobs uploads tags list referrers _catalog token content'.split(' '),
    ...'%2e%2e %2f %00 % [ sha256:.. localhost a:1 ?n=-1 ?ns=[ @ * ?digest=x ?last=%'.split(' '),
    '',
  );
  const target = fc.array(piece, { maxLength: 7 }).map((parts) => `/${parts.join('/')}`);
  const raw = fc.oneof(target, fc.constantFrom('http://[', '//[', 'http://x/v2/', '*', '/v2'));
  await fc.assert(
    fc.asyncProperty(raw, async (path) => {
      const { status } = await getRaw(server, path);
      assert.ok(status >= 200 && status < 500, `${path}: ${status}`);
    }),
    { numRuns: 200 },
  );
});
