import { formatPlatform } from '../image/index.ts';
import type { ErrorSummary } from './events.ts';
import type { PulledImage } from './pull.ts';
import type { ResolvedImage } from './resolve.ts';

/** One line of the input on its way to its end. */
export interface ImageRecord {
  readonly image: number;
  readonly input: string;
  state: 'waiting' | PulledImage['state'];
  reference?: string;
  resolved?: ResolvedImage;
  error?: ErrorSummary;
  endedAt?: number;
}

export interface ImageCounts {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
}

export function countImages(records: readonly ImageRecord[]): ImageCounts {
  const counts = { total: records.length, done: 0, failed: 0, cancelled: 0 };
  for (const { state } of records) {
    if (state === 'done' || state === 'failed' || state === 'cancelled') counts[state] += 1;
  }
  return counts;
}

/** A record as the result tells it. What has not ended by now never will: it was cancelled. */
export function reportImage(record: ImageRecord, startedAt: number, now: number): PulledImage {
  const { input, reference, resolved, error, state } = record;
  const platform = resolved?.platform;
  return {
    input,
    state: state === 'waiting' ? 'cancelled' : state,
    ...(reference === undefined ? {} : { reference }),
    ...(resolved === undefined
      ? {}
      : {
          digest: resolved.descriptor.digest,
          layers: resolved.layers.length,
          bytes: totalSize(resolved.blobs),
        }),
    ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
    ...(error === undefined ? {} : { error }),
    milliseconds: (record.endedAt ?? now) - startedAt,
  };
}

export function totalSize(blobs: readonly { readonly size: number }[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}

/** `docker.io/library/debian:12` as people say it: `debian:12`. */
export function shortName(name: string): string {
  return name
    .replace(/^docker\.io\/(library\/)?/, '')
    .replace(/@sha(256|512):([0-9a-f]{12}).*$/, '@$2');
}
