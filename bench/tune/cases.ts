import { PLAIN, type TuneWorld } from '../../packages/longshore/test/sim/tuneWorld.ts';

/** Worlds without any parity effect: whatever is claimed in them is claimed wrongly. */
export const WITHOUT_PARITY: Readonly<Record<string, TuneWorld>> = {
  'noise 2 %': PLAIN,
  'noise 5 %': { ...PLAIN, noise: 0.05 },
  'noise 5 %, correlated .7': { ...PLAIN, noise: 0.05, memory: 0.7 },
  'drift 20 %': { ...PLAIN, drift: 0.2 },
  'order alternates by 3.9 s': { ...PLAIN, alternation: 3.9 },
  'alternation, drift and crosstalk': { ...PLAIN, alternation: 3.9, drift: 0.2, crosstalk: 0.01 },
};

/** Worlds in which even widths take a second more of about 35. */
export const WITH_PARITY: Readonly<Record<string, TuneWorld>> = {
  '1 s, noise 2 %': { ...PLAIN, parity: 1 },
  '1 s, noise 3 %': { ...PLAIN, parity: 1, noise: 0.03 },
  '1 s, noise 2 %, drift 20 %': { ...PLAIN, parity: 1, drift: 0.2 },
};

/** Worlds with different best widths, for the recommendation and the intervals. */
export const CURVES: Readonly<Record<string, TuneWorld>> = {
  'knee at 3': PLAIN,
  'knee at 3, noise 5 %': { ...PLAIN, noise: 0.05 },
  'knee at 12': { ...PLAIN, link: 96, megabytes: 3200 },
  'falls beyond 6': { ...PLAIN, link: 48, megabytes: 1600, crosstalk: 0.03 },
  'flat: one worker fills the link': { ...PLAIN, perConnection: 24 },
  'rises to the end': { ...PLAIN, link: 400, megabytes: 6400 },
  'drift 20 %, correlated noise 4 %': { ...PLAIN, drift: 0.2, noise: 0.04, memory: 0.5 },
};

export const PARITY_WIDTHS: readonly number[] = [4, 5, 6, 7, 8, 9, 10, 11, 12];
export const LADDER: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
