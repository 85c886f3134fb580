import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { makeFolders } from '../fileSystem.ts';
import type { Platform } from '../image/index.ts';
import type { Registry, RegistryEvent } from '../registry/index.ts';
import { openStore } from '../store/index.ts';
import { type PullResult, pull } from '../transfer/index.ts';
import type { Measurement } from './experiment.ts';
import { type Judged, timed } from './measure.ts';
import { Trace } from './trace.ts';
import type { Arm } from './types.ts';

export interface PullMeasurer {
  /** References with digests, so that every run fetches the same bytes. */
  readonly references: readonly string[];
  readonly platform: Platform | 'all';
  /** Blob bytes of the images: what a cold run has to fetch. */
  readonly bytes: number;
  /** Folder that cold stores are made in; it should be on the disk that images go to. */
  readonly folder: string;
  /** See `StoreOptions`. */
  readonly poolThreads?: number | undefined;
  /** A new client for each run: connections and tokens are part of what is measured. */
  readonly openRegistry: (onEvent: (event: RegistryEvent) => void) => Promise<Registry>;
  readonly signal: AbortSignal;
}

/** Pulls once into a store that did not exist before and does not exist after. */
export async function measurePull(
  measurer: PullMeasurer,
  arm: Arm,
  { keepTrace }: { readonly keepTrace: boolean },
): Promise<Measurement> {
  const { references, platform, signal } = measurer;
  const folder = path.join(measurer.folder, `cold-${randomBytes(6).toString('hex')}`);
  await makeFolders(folder);
  const store = await openStore(folder, { poolThreads: measurer.poolThreads });
  const trace = new Trace();
  try {
    const registry = await measurer.openRegistry((event) => trace.sawRegistry(event));
    try {
      const measured = await timed(
        () =>
          pull(references, {
            store,
            registry,
            platform,
            workers: arm.workers,
            serial: arm.serial,
            signal: AbortSignal.any([signal, trace.signal]),
            onEvent: (event) => trace.saw(event),
          }),
        (result) => judge(result, measurer.bytes),
        { trace, interrupted: () => signal.aborted },
      );
      return {
        ...measured,
        ...(keepTrace ? { blobs: trace.spans, samples: trace.samples } : {}),
      };
    } finally {
      await registry.close();
    }
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether a run counts, and if not, why. */
function judge(result: PullResult, bytes: number): Judged {
  const { fetchedBytes, outcome, images } = result;
  const width = result.settled[0]?.width;
  const common = {
    bytes: fetchedBytes,
    ...(width === undefined ? {} : { settledWidth: width }),
  };
  if (outcome !== 'succeeded') {
    const error = images.find(({ state }) => state === 'failed')?.error;
    return { ...common, state: 'failed', problem: error?.message ?? 'unknown' };
  }
  if (fetchedBytes < bytes) {
    const problem = `${fetchedBytes} of ${bytes} bytes were fetched`;
    return { ...common, state: 'cached', problem };
  }
  return { ...common, state: 'ok' };
}
