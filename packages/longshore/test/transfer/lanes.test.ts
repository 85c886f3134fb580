import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lanes } from '../../src/transfer/lanes.ts';

test('a lane widens by two flows at a look, whatever the controller wants', () => {
  let nowMs = 0;
  const options = { workers: 'auto', maxConnections: 64, memory: undefined } as const;
  const lanes = new Lanes({ ...options, now: () => nowMs, random: () => 0.5 });
  const lane = lanes.of('registry.lab');
  const widths: number[] = [lane.limiter.width];
  const wanted: number[] = [];
  for (let look = 0; look < 400; look += 1) {
    nowMs += 20;
    // Each flow brings as much as any other, and all that were opened were taken.
    const permits = Array.from({ length: lane.limiter.width }, () => lane.limiter.tryAcquire());
    const requests = permits.map(() => lane.request());
    for (const { accepted } of requests) accepted();
    lane.moved(20_000 * permits.length);
    lanes.tick(() => ({ splittable: 99, silent: 0 }));
    for (const { ended } of requests) ended('well');
    for (const permit of permits) permit?.release();
    widths.push(lane.limiter.width);
    wanted.push(lane.controller?.target ?? 0);
  }
  const steps = widths.slice(1).map((width, i) => width - (widths[i] ?? 0));
  assert.equal(Math.max(...steps), 2);
  assert.equal(Math.max(...widths), 64);
  assert.ok(
    wanted.some((width, i) => width > (widths[i] ?? 0) + 2),
    'more was wanted at once',
  );
});
