import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Faults } from '../../../src/serve/index.ts';
import { eventsOf } from '../harness.ts';
import { quay } from './harness.ts';

const LIMIT = { timeout: 60_000 };
/** How much faster than ours the clock of the controllers runs. */
const SPEED = 5;
/** What this machine takes for its own part counts as many times. */
const OWN_MS: number = SPEED * 500;
const IMAGES = 40;

/** Issue 5: registries that do not bear many uploads, over real sockets. */
const REGISTRIES = {
  'freezes uploads above 3': { above: 3, effect: 'freeze' },
  'answers 429 above 4': { above: 4, effect: 429 },
  'slows down above 3': { above: 3, effect: 'slow', gamma: 2 },
} as const satisfies Readonly<Record<string, NonNullable<Faults['crowd']>>>;

describe('pushes to a registry that', LIMIT, () => {
  for (const [name, crowd] of Object.entries(REGISTRIES)) {
    test(`${name}: all arrive`, LIMIT, async () => {
      await using port = await quay({ registry: { retry: { baseDelayMs: 50 } } });
      const names = Array.from({ length: IMAGES }, (_, i) => `app${i}:1`);
      const base = { size: 600_000, seed: 'base' };
      for (const image of names) {
        await port.seed(image, { layers: [base, { size: 150_000, seed: image }] });
      }
      const uploads = { kind: 'upload', method: 'PUT' } as const;
      port.server.faults = { rules: [{ on: uploads, bytesPerSecond: 2_000_000, crowd }] };
      const startedAt = performance.now();
      const result = await port.push(names, {
        pushers: 'auto',
        now: () => startedAt + SPEED * (performance.now() - startedAt),
      });
      assert.deepEqual(
        result.images.map(({ state, error }) => error?.message ?? state),
        names.map(() => 'pushed'),
      );
      for (const image of names) {
        const reference = `localhost/${image}`;
        const [here, there] = await Promise.all(
          [port.store, port.remote].map((store) => store.getReference(reference)),
        );
        assert.equal(there?.digest, here?.digest);
      }
      const silences = eventsOf(port.events, 'upload.cut').map(({ silentMs }) => silentMs);
      assert.ok(Math.max(0, ...silences) <= 15_000 + OWN_MS, `silent for ${silences.join()} ms`);
    });
  }
});
