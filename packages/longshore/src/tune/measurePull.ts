import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Platform } from '../image/index.ts';
import type { Registry, RegistryEvent } from '../registry/index.ts';
import { openStore } from '../store/index.ts';
import { type PullResult, pull, type TransferEvent } from '../transfer/index.ts';
import type { Measurement } from './experiment.ts';
import type { Arm, BlobSpan, WidthSample } from './types.ts';

export interface PullMeasurer {
  /** References with digests, so that every run fetches the same bytes. */
  readonly references: readonly string[];
  readonly platform: Platform | 'all';
  /** Blob bytes of the images: what a cold run has to fetch. */
  readonly bytes: number;
  /** Folder that cold stores are made in; it should be on the disk that images go to. */
  readonly folder: string;
  /** A new client for each run: connections and tokens are part of what is measured. */
  readonly openRegistry: (onEvent: (event: RegistryEvent) => void) => Promise<Registry>;
  readonly signal: AbortSignal;
}

/**
 * Pulls once into a store that did not exist before and does not exist after. The time runs from the
 * first request to the image being whole and verified; making and removing the store is not in it.
 */
export async function measurePull(
  measurer: PullMeasurer,
  arm: Arm,
  { keepTrace }: { readonly keepTrace: boolean },
): Promise<Measurement> {
  const folder = path.join(measurer.folder, `cold-${randomBytes(6).toString('hex')}`);
  await mkdir(folder, { recursive: true });
  const store = await openStore(folder);
  const trace = new Trace();
  try {
    const registry = await measurer.openRegistry((event) => trace.sawRegistry(event));
    try {
      const startedAt = Date.now();
      const cpu = process.cpuUsage();
      const begun = performance.now();
      const result = await pull(measurer.references, {
        store,
        registry,
        platform: measurer.platform,
        workers: arm.workers,
        serial: arm.serial,
        signal: measurer.signal,
        onEvent: (event) => trace.saw(event),
      });
      const seconds = (performance.now() - begun) / 1000;
      const { user, system } = process.cpuUsage(cpu);
      return {
        seconds,
        startedAt,
        cpuSeconds: (user + system) / 1e6,
        ...judge(result, { bytes: measurer.bytes, trace }),
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
function judge(
  result: PullResult,
  { bytes, trace }: { readonly bytes: number; readonly trace: Trace },
): Pick<Measurement, 'state' | 'bytes' | 'retries' | 'problem' | 'settledWidth'> {
  const width = result.settled[0]?.width;
  const common = {
    bytes: result.fetchedBytes,
    retries: trace.retries,
    ...(width === undefined ? {} : { settledWidth: width }),
  };
  if (result.outcome === 'cancelled') return { ...common, state: 'interrupted' };
  if (trace.throttled !== undefined) {
    return { ...common, state: 'throttled', problem: trace.throttled };
  }
  if (result.outcome === 'failed') {
    const error = result.images.find(({ state }) => state === 'failed')?.error;
    return { ...common, state: 'failed', problem: error?.message ?? 'unknown' };
  }
  if (result.fetchedBytes < bytes) {
    const problem = `${result.fetchedBytes} of ${bytes} bytes were fetched`;
    return { ...common, state: 'cached', problem };
  }
  return { ...common, state: 'ok' };
}

/** What a run tells on its way. */
class Trace {
  retries = 0;
  throttled: string | undefined;
  readonly spans: BlobSpan[] = [];
  readonly samples: WidthSample[] = [];
  readonly #begun = new Map<string, number>();
  #startedAt = 0;

  sawRegistry(event: RegistryEvent): void {
    if (event.type === 'registry.throttled') this.throttled = `HTTP ${event.status}`;
    if (event.type === 'registry.retry') this.retries += 1;
  }

  saw(event: TransferEvent): void {
    if (event.type === 'run.started') this.#startedAt = event.at;
    if (event.type === 'blob.retry') this.retries += 1;
    // A blob that is split among workers begins once.
    if (event.type === 'blob.started' && !this.#begun.has(event.digest)) {
      this.#begun.set(event.digest, this.#at(event.at));
    }
    if (event.type === 'blob.done') {
      const end = this.#at(event.at);
      const start = this.#begun.get(event.digest) ?? end;
      this.spans.push({ digest: event.digest, bytes: event.size, start, end });
    }
    if (event.type === 'progress') {
      const { width, bytesPerSecond } = event;
      this.samples.push({ at: this.#at(event.at), width, bytesPerSecond });
    }
  }

  #at(time: number): number {
    return (time - this.#startedAt) / 1000;
  }
}
