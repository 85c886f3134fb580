import { join } from 'node:path';
import { type Faults, seedImage } from '../../packages/longshore/src/serve/index.ts';
import { openStore } from '../../packages/longshore/src/store/index.ts';

const MB = 1_000_000;

/** Rate of each upload alone, in all scenarios. */
export const BYTES_PER_SECOND: number = 2 * MB;

/** Issue 5: registries that do not bear many uploads. */
export const SCENARIOS = {
  freeze: { above: 3, effect: 'freeze' },
  refuse: { above: 4, effect: 429 },
  slow: { above: 3, effect: 'slow', gamma: 2 },
} as const satisfies Readonly<Record<string, NonNullable<Faults['crowd']>>>;

export type ScenarioName = keyof typeof SCENARIOS;

export function faultsOf(scenario: ScenarioName): Faults {
  const on = { kind: 'upload', method: ['PUT', 'PATCH'] } as const;
  return { rules: [{ on, bytesPerSecond: BYTES_PER_SECOND, crowd: SCENARIOS[scenario] }] };
}

/** An image of the store, and its manifest's digest. */
export interface Made {
  readonly name: string;
  readonly digest: string;
}

/** A hundred images in a store: one base of 4 MB for all, one layer of 1 MB for each. */
export async function makeImages(folder: string, count: number): Promise<readonly Made[]> {
  await using cleanup = new AsyncDisposableStack();
  const store = await openStore(join(folder, 'store'));
  cleanup.defer(() => store.close());
  const made: Made[] = [];
  for (let i = 0; i < count; i += 1) {
    const layers = [
      { size: 4 * MB, seed: 'base' },
      { size: MB, seed: `app ${i}` },
    ];
    const name = `app${i}:1`;
    const { descriptor } = await seedImage(store, { name: `localhost/${name}`, layers });
    made.push({ name, digest: descriptor.digest });
  }
  return made;
}
