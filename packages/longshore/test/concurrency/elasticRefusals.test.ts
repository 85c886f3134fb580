import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createElasticCoordinator,
  type ElasticSample,
  elastic,
} from '../../src/concurrency/index.ts';
import { fixedPull, runPull } from '../sim/pullRun.ts';
import { PULL_SCENARIOS, type PullScenario } from '../sim/pullScenario.ts';
import { seededRandom } from '../sim/random.ts';
import { mean, runElastic, workFor } from '../sim/sweep.ts';

function scenario(more: Partial<PullScenario>): PullScenario {
  const base = PULL_SCENARIOS.find(({ name }) => name === '429 above 8');
  assert.ok(base);
  return { ...base, ...more };
}

test('a registry that refuses above any small number of flows sees at most two refusals at first', () => {
  for (const limit of [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 24, 32]) {
    for (const seed of [1, 2]) {
      const server = { kind: '429', limit, retryAfterSeconds: 2 } as const;
      const run = runElastic(scenario({ server, scale: 0.3 }), seed);
      assert.ok(run.firstBurst <= 2, `limit ${limit}, seed ${seed}: ${run.firstBurst} refusals`);
      const share = run.refusals / run.requests;
      assert.ok(share <= 0.1, `limit ${limit}: ${run.refusals} of ${run.requests} refused`);
    }
  }
});

test('one that begins to refuse in the middle sees two before it is left in peace, and then single ones', () => {
  for (const limit of [4, 8, 16]) {
    for (const seed of [1, 2]) {
      const server = { kind: '429', limit, retryAfterSeconds: 2, from: 10 } as const;
      const run = runElastic(scenario({ server }), seed);
      assert.ok(run.firstBurst <= 2, `${limit}, ${seed}: ${run.firstBurst} at first`);
      // The others find the limit and try one flow more, seldom.
      assert.ok(run.refusals >= 1 && run.refusals <= 5, `${limit}, ${seed}: ${run.refusals}`);
    }
  }
});

test('what it took yesterday is no reason for a burst', () => {
  for (const limit of [4, 8, 16]) {
    const server = { kind: '429', limit, retryAfterSeconds: 2 } as const;
    const remembered = { width: 32, bytesPerSecond: 200e6 };
    const run = runElastic(scenario({ server }), 1, { elastic: { remembered } });
    assert.ok(run.firstBurst <= 2, `limit ${limit}: ${run.firstBurst} refusals`);
  }
});

test('the limit is found and named', () => {
  const run = runElastic(scenario({}), 1);
  const { bound, evidence } = run.controller.verdict();
  assert.equal(bound, 'rate limit');
  assert.ok((evidence.ceiling ?? 0) >= 7 && (evidence.ceiling ?? 0) <= 9);
});

function drive(samples: readonly Partial<ElasticSample>[], random: () => number = () => 0) {
  const controller = elastic({ random });
  const targets = samples.map((sample, index) =>
    controller.observe({
      atMs: 100 * index,
      bytes: 1e6 * controller.target,
      active: controller.target,
      ...sample,
    }),
  );
  return { controller, targets };
}

test('nothing is sent before Retry-After has passed, with at most a tenth of jitter', () => {
  for (const random of [() => 0, () => 0.999]) {
    const { controller } = drive(
      [{}, { refusals: { count: 1, inFlight: 3, retryAfterMs: 7000 } }],
      random,
    );
    const { notBeforeMs } = controller.admission;
    assert.ok(notBeforeMs >= 7100 && notBeforeMs < 7100 + 700, String(notBeforeMs));
  }
});

test('a Retry-After that lies is bounded, and a second is the rule where there is none', () => {
  const far = drive([{}, { refusals: { count: 1, inFlight: 3, retryAfterMs: 1e15 } }]);
  assert.equal(far.controller.admission.notBeforeMs, 100 + 60_000);
  const missing = drive([{}, { refusals: { count: 1, inFlight: 3, retryAfterMs: -5 } }]);
  assert.equal(missing.controller.admission.notBeforeMs, 100 + 1_000);
});

test('a rest grows only where nothing was served since the last one, and a burst counts once', () => {
  const refusals = { count: 1, inFlight: 3 };
  const nothing = Array.from({ length: 15 }, () => ({ acceptedAt: 0, bytes: 0 }));
  const burst = drive([{}, { refusals }, { acceptedAt: 3, refusals }, { refusals }]);
  assert.equal(burst.controller.admission.notBeforeMs, 100 + 1_000);
  const again = drive([{}, { refusals }, ...nothing, { acceptedAt: 0, refusals }]);
  assert.equal(again.controller.admission.notBeforeMs, 1_700 + 2_000);
  const between = [{ refusals }, ...nothing, { acceptedAt: 2 }];
  const moody = drive([{}, ...between, ...between, ...between, { refusals }]);
  assert.equal(moody.controller.admission.notBeforeMs, 5_200 + 1_000);
  const served = Array.from({ length: 15 }, () => ({ acceptedAt: 0 }));
  const full = drive([{}, { refusals }, ...served, { refusals }, ...served, { refusals }]);
  assert.equal(full.controller.admission.notBeforeMs, 3_300 + 1_000);
});

test('a server that refuses now and then for reasons of its own is never left alone for long', () => {
  for (const seed of [1, 2]) {
    const server = { kind: '429 at times', share: 0.05 } as const;
    const moody = scenario({ server, work: 'small', scale: 0.1 });
    const options = { seed, work: workFor(moody, seed) };
    const alone = runPull(moody, fixedPull(1), options).makespan;
    const { makespan, refusals } = runElastic(moody, seed);
    assert.ok(makespan < alone, `${makespan.toFixed(0)} s, one connection ${alone.toFixed(0)} s`);
    assert.ok(refusals > 20, 'each of them used to double the wait, up to a minute');
  }
});

/** Looks at ten a second, of which the first says that more than three flows are refused. */
function afterRefusal(
  seconds: number,
  served: (target: number) => Partial<ElasticSample>,
  coordinator = createElasticCoordinator(),
) {
  const controller = elastic({ random: seededRandom(1), coordinator, origin: 'one' });
  let atMs = 0;
  const look = (more: Partial<ElasticSample>): number => {
    atMs += 100;
    const { target: active } = controller;
    return controller.observe({ atMs, bytes: 1e6 * active, active, waiting: 99, ...more });
  };
  look({ acceptedAt: 3 });
  look({ acceptedAt: 3, refusals: { count: 1, inFlight: 3 } });
  const targets = Array.from({ length: 10 * seconds }, () => look(served(controller.target)));
  return { controller, targets };
}

test('the flows in flight at the refusal become the ceiling', () => {
  const { targets } = afterRefusal(8, () => ({ acceptedAt: 3 }));
  assert.equal(targets[0], 3);
  assert.ok(Math.max(...targets) <= 3);
});

test('one flow more is tried now and then, and where it is refused the others go on', () => {
  const refusals = { count: 1, inFlight: 3 };
  const { controller, targets } = afterRefusal(60, (target) =>
    target > 3 ? { acceptedAt: 3, refusals } : { acceptedAt: 3 },
  );
  const tried = targets.filter((target) => target > 3).length;
  // After 8.5 s and after 17 more; and after another 34, unless fewer flows are being tried then.
  assert.ok(tried === 2 || tried === 3, `${tried} times`);
  assert.equal(Math.max(...targets), 4);
  assert.ok(controller.admission.notBeforeMs < 2_000, 'no rest for it');
});

test('while one flow more is tried nothing is at another server, and the other way round', () => {
  const coordinator = createElasticCoordinator();
  const free = new Set<boolean>();
  const { targets } = afterRefusal(
    20,
    (target) => {
      const isFree = coordinator.tryProbe('other');
      if (isFree) coordinator.endProbe('other');
      if (target > 3) free.add(isFree);
      return { acceptedAt: 3 };
    },
    coordinator,
  );
  assert.ok(Math.max(...targets) > 3);
  assert.deepEqual([...free], [false]);
  const busy = createElasticCoordinator();
  busy.tryProbe('other');
  const { targets: held } = afterRefusal(20, () => ({ acceptedAt: 3 }), busy);
  assert.ok(Math.max(...held) <= 3);
});

test('a ceiling that is none is left behind', () => {
  const { targets } = afterRefusal(40, (target) => ({ acceptedAt: target, requests: target }));
  assert.ok(Math.max(...targets.slice(0, 80)) <= 3);
  assert.ok(Math.max(...targets) >= 12, `${Math.max(...targets)}`);
});

test('what was sent beside more flows than the ceiling, and was taken, lifts it', () => {
  let looks = 0;
  const { targets } = afterRefusal(8, () => {
    looks += 1;
    return { acceptedAt: looks === 15 ? 9 : 3 };
  });
  assert.ok(Math.max(...targets) > 3);
  assert.ok(Math.max(...targets) <= 8);
});

test('a limit on requests per second is met by time between requests', () => {
  const server = { kind: '429 rate', perSecond: 20, burst: 40 } as const;
  const run = runElastic(scenario({ server, work: 'small', scale: 0.5 }), 1);
  assert.ok(Number.isFinite(run.makespan));
  const share = run.refusals / run.requests;
  assert.ok(share < 0.04, `${run.refusals} of ${run.requests} requests refused`);
  assert.equal(run.controller.verdict().bound, 'rate limit');
});

test('a rate that eased pace runs into again and again is still a rate', () => {
  const server = { kind: '429 rate', perSecond: 2, burst: 2 } as const;
  const run = runElastic(scenario({ server, work: 'small', scale: 0.2 }), 1);
  assert.ok(run.refusals <= 12, `${run.refusals} of ${run.requests} requests refused`);
  assert.ok(run.makespan < (1.2 * run.requests) / server.perSecond, `${run.makespan} s`);
});

test('a rate so low that few requests pass between two refusals is a rate', () => {
  const server = { kind: '429 rate', perSecond: 1, burst: 1, from: 3 } as const;
  const slow = { rtt: 0.1, link: 400, perConnection: 3, server, scale: 0.2 };
  // What is in flight when it begins is refused whatever is done then: no more than 32.
  const options = { elastic: { max: 32 }, run: { mostSeconds: 60 } };
  const run = runElastic(scenario({ ...slow, work: 'small' }), 2, options);
  assert.ok(run.refusals <= 40, `${run.refusals} of ${run.requests} requests refused in a minute`);
});

test('a server that refuses a request now and then is not left with one flow', () => {
  const server = { kind: '429 at times', share: 0.02 } as const;
  const path = { rtt: 0.002, link: 400, perConnection: 3, server };
  const run = runElastic(scenario({ ...path, work: 'small', scale: 1 }), 1);
  // It took 220 s while each refusal narrowed the pull.
  assert.ok(run.makespan < 90, `${run.makespan} s`);
  assert.ok(run.refusals < 0.04 * run.requests, `${run.refusals} of ${run.requests} refused`);
});

test('short flows that are refused for the first time go on at half their rate', () => {
  const samples = Array.from({ length: 10 }, () => ({ requests: 4, acceptedAt: 4 }));
  const refusals = { count: 1, inFlight: 4 };
  const { controller } = drive([...samples, { requests: 1, acceptedAt: 4, refusals }]);
  const { minIntervalMs } = controller.admission;
  assert.ok(minIntervalMs >= 45 && minIntervalMs <= 55, String(minIntervalMs));
  const long = drive([...samples.map(() => ({ requests: 0 })), { refusals }]);
  assert.equal(long.controller.admission.minIntervalMs, 0, 'long ones do not');
});

test('one refusal in two hundred costs a pull of small blobs seconds, not minutes', () => {
  const server = { kind: '429 at times', share: 0.005 } as const;
  const path = { rtt: 0.002, link: 400, perConnection: 3, server };
  const runs = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) =>
    runElastic(scenario({ ...path, work: 'small', scale: 1 }), seed),
  );
  // It took 63 s on average while each of them narrowed the pull or put a pace on it, and 6 without any.
  const average = mean(runs.map((run) => run.makespan));
  assert.ok(average < 40, `${average} s`);
});

/** Refused beside four flows, then so many are taken beside five, and one more is refused beside four. */
function rarely(taken: number, retryAfterMs?: number): ReturnType<typeof drive> {
  const refusals = { count: 1, inFlight: 4, retryAfterMs };
  const first = { acceptedAt: 4, requests: 1, refusals: { count: 1, inFlight: 4 } };
  const served = Array.from({ length: 20 }, (_, index) => ({
    acceptedAt: 5,
    requests: index < taken ? 1 : 0,
  }));
  return drive([{}, first, ...served, { acceptedAt: 5, requests: 1, refusals }]);
}

test('a refusal after sixteen that were taken beside as many costs nothing but itself', () => {
  const rare = rarely(16);
  assert.equal(rare.controller.target, rare.targets.at(-2));
  assert.equal(rare.controller.admission.notBeforeMs, 100 + 1_000, 'the rest after the first');
  assert.equal(rare.controller.admission.minIntervalMs, 0);
  const asked = rarely(16, 5_000);
  assert.equal(asked.controller.admission.notBeforeMs, 2_200 + 5_000, 'asked for is asked for');
  const { controller } = rarely(15);
  assert.equal(controller.admission.notBeforeMs, 2_200 + 1_000);
});

test('requests that nobody has answered yet prove nothing', () => {
  const counted = drive(Array.from({ length: 30 }, () => ({ requests: 2, bytes: 0 })));
  assert.deepEqual(new Set(counted.targets), new Set([4]));
});

test('what was in flight at a refusal is believed, not what was taken before', () => {
  const refusals = { count: 1, inFlight: 4 };
  const rest = Array.from({ length: 60 }, () => ({ acceptedAt: 6 }));
  const { controller } = drive([{ acceptedAt: 6 }, ...rest, { acceptedAt: 0, refusals }]);
  assert.equal(controller.verdict().evidence.ceiling, 4);
  assert.equal(controller.target, 4);
});

test('few flows that are refused after a rest are too many only where nothing was taken since', () => {
  for (const taken of [0, 3]) {
    const first = { acceptedAt: 16, refusals: { count: 1, inFlight: 16 } };
    const rest = Array.from({ length: 15 }, () => ({ acceptedAt: 0 }));
    const again = { acceptedAt: 0, refusals: { count: 1, inFlight: 7 } };
    const { controller } = drive([{}, first, ...rest, { acceptedAt: taken }, again]);
    const { ceiling, paced } = controller.verdict().evidence;
    assert.deepEqual([ceiling, paced], taken === 0 ? [7, false] : [16, true]);
  }
});

test('a second refusal at a ceiling that was just lowered does not narrow below it', () => {
  const first = { acceptedAt: 3, refusals: { count: 1, inFlight: 4 } };
  const { controller } = drive([{}, first, { refusals: { count: 1, inFlight: 3 } }]);
  assert.equal(controller.target, 3);
});

test('one flow that asks more seldom than a pace allows is not kept alone by it', () => {
  const controller = elastic({ random: () => 0.5 });
  const targets: number[] = [];
  for (let look = 0; look < 450; look += 1) {
    const active = controller.target;
    // Flows of 0.4 s each; the first two refusals fall on one beside another, and on one alone.
    const requests = look % 4 === 0 ? active : 0;
    const refused = look === 2 || look === 45;
    controller.observe({
      atMs: 100 * look,
      bytes: 1e5 * active,
      active,
      waiting: 99,
      requests,
      ...(requests > 0 && !refused ? { acceptedAt: active } : {}),
      ...(refused ? { refusals: { count: 1, inFlight: look === 2 ? 1 : 0 } } : {}),
    });
    targets.push(controller.target);
  }
  const { minIntervalMs } = controller.admission;
  assert.ok(minIntervalMs > 0 && minIntervalMs < 400, `${minIntervalMs} ms apart`);
  assert.ok(Math.max(...targets.slice(46)) >= 4, `${Math.max(...targets.slice(46))} flows`);
});
