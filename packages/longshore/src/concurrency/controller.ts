import { checkWidth } from './width.ts';

/** What every sample tells: when it was taken. Controllers have no other clock. */
export interface TimedSample {
  /** Milliseconds on a clock that never goes back; only differences count. */
  readonly atMs: number;
}

/**
 * Decides how wide to work from what was observed. A controller is a state machine over its
 * samples: no clock (time comes in the sample), no I/O, no randomness but a seed given when it was
 * made. The same samples in the same order give the same targets, so the engine, a property test
 * and a simulator can all drive it. The driver applies the target: `limiter.resize(target)`.
 */
export interface Controller<Sample extends TimedSample = TimedSample> {
  /** The width it wants now: a whole number from 1 up, good before the first sample. */
  readonly target: number;
  /** Why this target, for a person: `fixed`, `settled: 8 gave 2% more than 5`. */
  readonly reason: string;
  /** Takes one sample in and returns the new {@link Controller.target}. */
  observe(sample: Sample): number;
}

/**
 * The controller that never changes its mind.
 * @throws LongshoreError `ERR_BAD_WIDTH`
 */
export function fixed(width: number): Controller {
  const target = checkWidth(width, 'fixed width');
  return { target, reason: 'fixed', observe: () => target };
}
