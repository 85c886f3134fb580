import { stallAverse } from '../../packages/longshore/src/concurrency/index.ts';
import { fixedPush, runPush } from '../../packages/longshore/test/sim/pushRun.ts';
import type { PushScenario } from '../../packages/longshore/test/sim/pushWorld.ts';
import { seededRandom } from '../../packages/longshore/test/sim/random.ts';
import { mean } from '../../packages/longshore/test/sim/sweep.ts';

/** One registry: the best fixed width, five pushers with a time-out of 300 s, and the controller. */
export interface PushRow {
  readonly name: string;
  readonly best: number;
  readonly bestWidth: number;
  readonly fiveMakespan: number;
  readonly fiveStalled: number;
  readonly makespan: number;
  readonly efficiency: number;
  readonly stalled: number;
  readonly longestSilence: number;
  readonly cancels: number;
  readonly falseCancels: number;
  readonly refusals: number;
  readonly wasted: number;
}

const WIDTHS = [1, 2, 3, 4, 5, 6, 8, 12];

export function measurePush(scenario: PushScenario, seeds: readonly number[]): PushRow {
  const step = scenario.median <= 8 ? 0.05 : 0.1;
  const fixed = WIDTHS.map((width) => {
    const runs = seeds.map((seed) => runPush(scenario, fixedPush(width), { seed, step }));
    return {
      width,
      makespan: mean(runs.map(({ makespan }) => makespan)),
      stalled: mean(runs.map(({ stalledSeconds }) => stalledSeconds)),
    };
  });
  const best = fixed.reduce((a, b) => (b.makespan < a.makespan ? b : a));
  const five = fixed.find(({ width }) => width === 5) ?? best;
  const runs = seeds.map((seed) =>
    runPush(scenario, stallAverse({ random: seededRandom(seed) }), { seed, step }),
  );
  const makespan = mean(runs.map((run) => run.makespan));
  return {
    name: scenario.name,
    best: best.makespan,
    bestWidth: best.width,
    fiveMakespan: five.makespan,
    fiveStalled: five.stalled,
    makespan,
    efficiency: best.makespan / makespan,
    stalled: mean(runs.map(({ stalledSeconds }) => stalledSeconds)),
    longestSilence: Math.max(...runs.map(({ longestSilence }) => longestSilence)),
    cancels: mean(runs.map(({ cancels }) => cancels)),
    falseCancels: Math.max(...runs.map(({ falseCancels }) => falseCancels)),
    refusals: mean(runs.map(({ refusals }) => refusals)),
    wasted: mean(runs.map(({ wasted }) => wasted)),
  };
}
