import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from '../../packages/longshore/test/interop/support/programs.ts';
import { type Cost, median, shuffle } from './measure.ts';
import type { Puller } from './rivals.ts';

/** One block: every puller once, in an order that chance decided. */
export type Block = readonly { readonly puller: string; readonly cost: Cost }[];

export interface PairedOptions {
  readonly pullers: readonly Puller[];
  readonly reference: string;
  readonly caFile: string | undefined;
  readonly folder: string;
  readonly blocks: number;
}

/**
 * Runs whole processes in paired blocks. What the machine does meanwhile hits all pullers of a block
 * alike, so ratios within a block tell more than medians over blocks.
 */
export async function runPaired(options: PairedOptions): Promise<readonly Block[]> {
  const blocks: Block[] = [];
  // Programs, what they read first and what Node keeps compiled are in memory from here on, for all.
  for (const puller of options.pullers) {
    await runCold(puller, options);
  }
  for (let index = 0; index < options.blocks; index += 1) {
    const block: { puller: string; cost: Cost }[] = [];
    for (const puller of shuffle(options.pullers)) {
      block.push({ puller: puller.name, cost: await runCold(puller, options) });
    }
    blocks.push(block);
  }
  return blocks;
}

/** One pull into an empty folder, with nothing of earlier runs left to be written back. */
async function runCold(
  puller: Puller,
  { reference, caFile, folder }: PairedOptions,
): Promise<Cost> {
  const target = join(folder, 'pulled');
  await rm(target, { recursive: true, force: true });
  await mkdir(target);
  await mustRun('sync', []);
  try {
    const { wallSeconds, cpuSeconds, maxRssMib } = await puller.pull({
      reference,
      folder: target,
      caFile,
    });
    return { wallSeconds, cpuSeconds, maxRssMib };
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

/** Medians of one puller, and the medians of Longshore's cost divided by its cost, block by block. */
export interface PairedRow {
  readonly puller: string;
  readonly cost: Cost;
  readonly wallRatio: Ratio;
  readonly cpuRatio: Ratio;
}

export interface Ratio {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export function summarise(blocks: readonly Block[], baseline: string): readonly PairedRow[] {
  const names = [...new Set(blocks.flatMap((block) => block.map(({ puller }) => puller)))];
  const costs = (name: string): readonly Cost[] =>
    blocks.flatMap((block) => block.filter(({ puller }) => puller === name)).map((run) => run.cost);
  const ratio = (name: string, pick: (cost: Cost) => number): Ratio => {
    const theirs = costs(name).map(pick);
    const ratios = costs(baseline).map((cost, index) => pick(cost) / (theirs[index] ?? Number.NaN));
    return { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
  };
  return names
    .toSorted((a, b) => Number(b === baseline) - Number(a === baseline) || a.localeCompare(b))
    .map((name) => ({
      puller: name,
      cost: {
        wallSeconds: median(costs(name).map((cost) => cost.wallSeconds)),
        cpuSeconds: median(costs(name).map((cost) => cost.cpuSeconds)),
        maxRssMib: median(costs(name).map((cost) => cost.maxRssMib)),
      },
      wallRatio: ratio(name, (cost) => cost.wallSeconds),
      cpuRatio: ratio(name, (cost) => cost.cpuSeconds),
    }));
}
