import { readFileSync } from 'node:fs';
import type { Oracle } from './sweep.ts';

/** Seeds of the gates in `npm test`; `bench/adaptive` takes more. */
export const NAMED_SEEDS: readonly number[] = [1, 2, 3, 4];
export const HELD_OUT: {
  readonly seed: number;
  readonly count: number;
  readonly runs: readonly number[];
} = { seed: 31, count: 60, runs: [1, 2] };

interface Stored {
  readonly named: readonly Oracle[];
  readonly heldOut: readonly Oracle[];
}

/**
 * The best fixed width of each scenario. Sweeping all of them takes a minute, so
 * `node bench/adaptive/oracle.ts` writes them down; a test recomputes one of them, so a simulator
 * that has changed is noticed.
 */
export function readOracles(): Stored {
  const text = readFileSync(new URL('oracle.json', import.meta.url), 'utf8');
  return JSON.parse(text) as Stored;
}

export function findOracle(oracles: readonly Oracle[], name: string): Oracle {
  const found = oracles.find((oracle) => oracle.name === name);
  if (found === undefined)
    throw new Error(`no oracle for "${name}": run node bench/adaptive/oracle.ts`);
  return found;
}
