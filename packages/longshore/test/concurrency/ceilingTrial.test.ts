import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CeilingTrial } from '../../src/concurrency/ceilingTrial.ts';

const CEILING = 4;

/** Looks ten times a second for so long; how many steps up were taken. */
function climb(
  trial: CeilingTrial,
  {
    from,
    seconds,
    each,
  }: { readonly from: number; readonly seconds: number; readonly each: number },
): number {
  let steps = 0;
  for (let atMs = from; atMs < from + 1000 * seconds; atMs += 100) {
    const ceiling = CEILING + steps;
    const look = { atMs, accepted: ceiling + 1, requests: each, ceiling, wanted: ceiling };
    if (trial.look(look)) steps += 1;
  }
  return steps;
}

/** Nothing is accepted that would decide it. */
function begin(trial: CeilingTrial, atMs: number, ceiling: number, wanted: number): void {
  trial.look({ atMs, accepted: ceiling, requests: 0, ceiling, wanted });
}

/** There was a refusal at the time 0. */
function begun(atMs = 10_000): CeilingTrial {
  const trial = new CeilingTrial();
  trial.postpone(0);
  begin(trial, atMs, CEILING, CEILING);
  return trial;
}

describe('one flow more than the ceiling', () => {
  test('is not tried soon after a refusal', () => {
    assert.equal(begun(8_000).isOn, false);
    assert.equal(begun(9_000).isOn, true);
  });

  test('is not tried where fewer are wanted, or are wanted no more', () => {
    const trial = new CeilingTrial();
    begin(trial, 10_000, CEILING, CEILING - 1);
    assert.equal(trial.isOn, false);
    begin(trial, 10_000, CEILING, CEILING);
    begin(trial, 10_100, CEILING + 1, CEILING);
    assert.equal(trial.isOn, true, 'a step was taken');
    begin(trial, 10_200, CEILING + 1, CEILING - 1);
    assert.equal(trial.isOn, false);
  });

  test('is no step before it is taken', () => {
    const trial = begun();
    for (let atMs = 10_000; atMs < 30_000; atMs += 100) {
      const look = { atMs, accepted: CEILING, requests: 9, ceiling: CEILING, wanted: CEILING };
      assert.equal(trial.look(look), false);
    }
    assert.equal(trial.isOn, false, 'nobody decides: it is over');
  });

  test('is a step once it was served for a while, by time where flows are long', () => {
    assert.equal(climb(begun(), { from: 10_000, seconds: 1, each: 0 }), 0);
    assert.equal(climb(begun(), { from: 10_000, seconds: 1.7, each: 0 }), 1);
  });

  test('or by requests where they are short', () => {
    assert.ok(climb(begun(), { from: 10_000, seconds: 1.2, each: 10 }) >= 2);
    assert.equal(climb(begun(), { from: 10_000, seconds: 1.2, each: 3 }), 1);
  });

  test('that is refused makes the next wait twice as long, after two steps as short as the first', () => {
    const refused = begun();
    assert.equal(refused.fail({ atMs: 10_000, ceiling: CEILING }), false);
    begin(refused, 10_000 + 16_000, CEILING, CEILING);
    assert.equal(refused.isOn, false);
    begin(refused, 10_000 + 18_000, CEILING, CEILING);
    assert.equal(refused.isOn, true);
    const climbed = begun();
    const steps = climb(climbed, { from: 10_000, seconds: 5, each: 10 });
    assert.ok(steps > 2);
    assert.equal(climbed.fail({ atMs: 15_000, ceiling: CEILING + steps }), true);
    begin(climbed, 15_000 + 8_600, CEILING + steps, CEILING + steps);
    assert.equal(climbed.isOn, true);
  });

  test('waits for what the server asks first, and for no more than a minute', () => {
    const trial = begun();
    trial.fail({ atMs: 10_000, ceiling: CEILING, askedMs: 1e15 });
    begin(trial, 10_000 + 76_000, CEILING, CEILING);
    assert.equal(trial.isOn, false);
    begin(trial, 10_000 + 78_000, CEILING, CEILING);
    assert.equal(trial.isOn, true);
  });
});
