import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lanes } from '../../src/transfer/lanes.ts';

const LOOKS = 3000;

/**
 * Widths of a lane that is looked at fifty times a second, whose flows each bring as much as any other.
 * Where the server falls silent it answers no request that is more than were open before a rise.
 */
function widthsOf({ fallsSilent }: { readonly fallsSilent: boolean }): {
  readonly starting: readonly number[];
  readonly later: readonly number[];
} {
  let nowMs = 0;
  const options = { workers: 'auto', maxConnections: 64, memory: undefined } as const;
  const lanes = new Lanes({ ...options, now: () => nowMs, random: () => 0.5 });
  const lane = lanes.of('registry.lab');
  const { limiter, controller } = lane;
  assert.ok(controller);
  const starting = [limiter.width];
  const later: number[] = [];
  let answered = Number.POSITIVE_INFINITY;
  for (let look = 0; look < LOOKS; look += 1) {
    nowMs += 20;
    const { width } = limiter;
    const permits = Array.from({ length: width }, () => limiter.tryAcquire());
    const requests = permits.map(() => lane.request());
    for (const { accepted } of requests.slice(0, answered)) accepted();
    lane.moved(20_000 * width);
    lanes.tick(() => ({ splittable: 99, silent: 0 }));
    for (const { ended } of requests) ended('well');
    for (const permit of permits) permit?.release();
    if (controller.phase === 'starting') starting.push(limiter.width);
    else later.push(limiter.width);
    if (limiter.width < width) answered = Number.POSITIVE_INFINITY;
    const rises = fallsSilent && controller.phase !== 'starting' && limiter.width > width;
    if (rises) answered = Math.min(answered, width);
  }
  return { starting, later };
}

const steps = (widths: readonly number[]): number[] =>
  widths.slice(1).map((width, i) => width - (widths[i] ?? 0));

test('a lane widens by two flows at a time while it starts, whatever the controller wants', () => {
  const { starting, later } = widthsOf({ fallsSilent: false });
  assert.equal(Math.max(...steps(starting)), 2);
  assert.ok(Math.max(...starting) > 32);
  assert.equal(Math.max(...starting, ...later), 64);
});

test('when it widens again one flow goes first, and more follow as those are taken', () => {
  const rises = steps(widthsOf({ fallsSilent: false }).later);
  const first = rises.filter((step, i) => step > 0 && (rises[i - 1] ?? 0) <= 0);
  assert.ok(first.length > 0);
  assert.deepEqual([...new Set(first)], [1]);
  assert.ok(Math.max(...rises) > 1);
});

test('while that one is not answered no other follows', () => {
  const rises = steps(widthsOf({ fallsSilent: true }).later).filter((step) => step > 0);
  assert.deepEqual(rises, [1]);
});
