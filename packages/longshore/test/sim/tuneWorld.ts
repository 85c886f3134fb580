import { makeArms } from '../../src/tune/arms.ts';
import { runExperiment } from '../../src/tune/experiment.ts';
import type { StoppingRules } from '../../src/tune/stopping.ts';
import type { Arm, TuneResults } from '../../src/tune/types.ts';
import { normal, seededRandom } from './random.ts';

/** A registry whose true times are known. Rates are in megabytes a second. */
export interface TuneWorld {
  readonly megabytes: number;
  readonly perConnection: number;
  readonly link: number;
  /** Seconds that every pull takes besides. */
  readonly fixed: number;
  /** More than the best width: each worker beyond the link's need costs this share. */
  readonly crosstalk: number;
  /** Even widths take this many seconds more. */
  readonly parity: number;
  /** Runs at even places take this many seconds more. */
  readonly alternation: number;
  /** Share by which runs are slower at the end of a hundred runs. */
  readonly drift: number;
  /** Coefficient of variation of a run. */
  readonly noise: number;
  /** Correlation of a run's noise with that of the one before. */
  readonly memory: number;
}

/** About 35 s at the best, as in the first author's measurements. */
export const PLAIN: TuneWorld = {
  megabytes: 800,
  perConnection: 8,
  link: 24,
  fixed: 1.5,
  crosstalk: 0,
  parity: 0,
  alternation: 0,
  drift: 0,
  noise: 0.02,
  memory: 0,
};

/** What a width takes without noise, drift and order. */
export function trueSeconds(world: TuneWorld, workers: number): number {
  const { megabytes, perConnection, link, fixed, crosstalk, parity } = world;
  const rate = Math.min(link, workers * perConnection);
  const beyond = Math.max(0, workers - link / perConnection);
  return fixed + (megabytes / rate) * (1 + crosstalk * beyond) + (workers % 2 === 0 ? parity : 0);
}

/** An empty experiment over widths. */
export function emptyResults(
  widths: readonly number[],
  seed: number,
  design: TuneResults['design'] = 'blocks',
): TuneResults {
  return {
    format: 'longshore-tune',
    version: 1,
    verb: 'pull',
    design,
    seed,
    arms: makeArms({ widths, auto: false, serial: false, twin: design === 'blocks' }),
    runs: [],
    voidBlocks: [],
    dropped: [],
    images: [],
  };
}

/** Measures in a simulated world, as `tune pull` would in the real one. */
export async function simulate(
  world: TuneWorld,
  options: {
    readonly widths: readonly number[];
    readonly seed: number;
    readonly design?: TuneResults['design'];
    readonly stopping?: Partial<StoppingRules>;
  },
): Promise<TuneResults> {
  const random = seededRandom(options.seed * 7919 + 17);
  let place = 0;
  let last = 0;
  const spread = Math.sqrt(1 - world.memory ** 2);
  return runExperiment(emptyResults(options.widths, options.seed, options.design), {
    stopping: options.stopping ?? {},
    measure: async ({ workers }: Arm) => {
      place += 1;
      last = world.memory * last + spread * normal(random);
      const alternates = place % 2 === 0 ? world.alternation : 0;
      const base = trueSeconds(world, Number(workers)) + alternates;
      const seconds = base * (1 + (world.drift * place) / 100) * Math.exp(world.noise * last);
      return { seconds, state: 'ok' };
    },
  });
}
