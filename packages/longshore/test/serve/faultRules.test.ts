import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultRules, type RequestFacts } from '../../src/serve/faultRules.ts';
import type { FaultMatch, Faults } from '../../src/serve/index.ts';

const blob: RequestFacts = {
  method: 'GET',
  kind: 'blob',
  repository: 'team/app',
  digest: 'sha256:1',
};
const manifest: RequestFacts = {
  method: 'HEAD',
  kind: 'manifest',
  repository: 'b',
  reference: '1',
};

/** Of `count` equal requests, one after another, those that a rule acts on, counted from 1. */
function picked(on: FaultMatch, count: number, seed = 1): number[] {
  const rules = new FaultRules({ seed, rules: [{ on, status: 500 }] }, () => 0);
  return Array.from({ length: count }, (_, i) => i + 1).filter(() => {
    const decision = rules.decide(blob);
    decision.done();
    return decision.effects.status === 500;
  });
}

test('a rule applies where all of its matcher fits', () => {
  const fits = (on: FaultMatch, facts: RequestFacts): boolean =>
    new FaultRules({ rules: [{ on, status: 1 }] }, () => 0).decide(facts).effects.status === 1;
  const cases: readonly [FaultMatch, boolean, boolean][] = [
    [{}, true, true],
    [{ kind: 'blob' }, true, false],
    [{ kind: ['manifest', 'blob'] }, true, true],
    [{ method: 'HEAD' }, false, true],
    [{ method: ['GET', 'PUT'] }, true, false],
    [{ repository: 'team/app' }, true, false],
    [{ repository: 'team' }, false, false],
    [{ repository: /^team\// }, true, false],
    [{ repository: /a/g }, true, false],
    [{ digest: 'sha256:1' }, true, false],
    [{ reference: '1' }, false, true],
    [{ kind: 'blob', method: 'HEAD' }, false, false],
  ];
  for (const [on, onBlob, onManifest] of cases) {
    assert.deepEqual(
      [fits(on, blob), fits(on, manifest)],
      [onBlob, onManifest],
      JSON.stringify(on),
    );
    assert.equal(fits(on, blob), onBlob, 'a second time');
  }
});

test('a rule picks among the requests that fit it', () => {
  assert.deepEqual(picked({ nth: 2 }, 5), [2]);
  assert.deepEqual(picked({ nth: [1, 4] }, 5), [1, 4]);
  assert.deepEqual(picked({ first: 3 }, 5), [1, 2, 3]);
  assert.deepEqual(picked({ every: 2 }, 5), [2, 4]);
  assert.deepEqual(picked({ kind: 'manifest', first: 5 }, 5), []);
});

test('probability repeats with the seed and comes near its value', () => {
  for (const seed of [0, 1, 2, 12_345]) {
    const chosen = picked({ probability: 0.3 }, 4000, seed);
    assert.deepEqual(picked({ probability: 0.3 }, 4000, seed), chosen);
    // Six standard deviations of a binomial.
    assert.ok(Math.abs(chosen.length - 1200) < 6 * Math.sqrt(4000 * 0.3 * 0.7), `${chosen.length}`);
  }
  assert.notDeepEqual(picked({ probability: 0.3 }, 100, 1), picked({ probability: 0.3 }, 100, 2));
  assert.deepEqual(picked({ probability: 0 }, 50), []);
  assert.equal(picked({ probability: 1 }, 50).length, 50);
});

test('aboveInFlight counts requests until they are done', () => {
  const rules = new FaultRules({ rules: [{ on: { aboveInFlight: 2 }, status: 429 }] }, () => 0);
  const open = [rules.decide(blob), rules.decide(blob), rules.decide(blob)];
  assert.deepEqual(
    open.map((decision) => decision.effects.status),
    [undefined, undefined, 429],
  );
  open[0]?.done();
  open[1]?.done();
  assert.equal(rules.decide(blob).effects.status, undefined);
});

test('abovePerSecond lets the rate pass that it allows', () => {
  let now = 0;
  const faults: Faults = { rules: [{ on: { abovePerSecond: 10 }, status: 429 }] };
  const rules = new FaultRules(faults, () => now);
  let passed = 0;
  for (; now < 5; now += 0.01) {
    if (rules.decide(blob).effects.status === undefined) passed += 1;
  }
  assert.ok(passed >= 58 && passed <= 61, `10 at once, then 10 a second: ${passed}`);
});

test('the later rule wins, effect by effect', () => {
  const rules = new FaultRules(
    {
      latencyMs: 5,
      bytesPerSecond: 100,
      rules: [
        { on: { kind: 'blob' }, latencyMs: 7, totalBytesPerSecond: 1000 },
        { on: { repository: 'team/app' }, totalBytesPerSecond: 2000 },
      ],
    },
    () => 0,
  );
  const { effects, limits } = rules.decide(blob);
  assert.deepEqual(effects, { latencyMs: 7, bytesPerSecond: 100, totalBytesPerSecond: 2000 });
  assert.equal(limits.total?.rate, 2000);
  assert.equal(rules.decide(blob).limits.total, limits.total, 'one bucket for all of a rule');
  assert.equal(rules.decide(manifest).limits.total, undefined);
});
