import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cost, measure } from './measure.ts';
import { intoStore, type LongshoreCommand } from './rivals.ts';
import type { Stage } from './stage.ts';

/** Longshore's peak memory for one image and width. */
export interface MemoryRow {
  readonly imageBytes: number;
  /** `auto` is what a user gets who says nothing. */
  readonly workers: string;
  readonly cost: Cost;
}

export interface MemoryImage {
  readonly name: string;
  readonly bytes: number;
  readonly workers: readonly string[];
}

/** Pulls each image with each width into a cold store, over plain HTTP. */
export async function measureMemory(
  longshore: LongshoreCommand,
  stage: Stage,
  images: readonly MemoryImage[],
): Promise<readonly MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (const image of images) {
    for (const workers of image.workers) {
      const folder = join(stage.folder, 'memory');
      const reference = `${stage.plainHost}/${image.name}`;
      const flags = workers === 'auto' ? [] : ['--workers', workers];
      const { wallSeconds, cpuSeconds, maxRssMib } = await measure(
        longshore('pull', reference, ...intoStore(folder), ...flags),
      );
      await rm(folder, { recursive: true, force: true });
      rows.push({ imageBytes: image.bytes, workers, cost: { wallSeconds, cpuSeconds, maxRssMib } });
    }
  }
  return rows;
}
