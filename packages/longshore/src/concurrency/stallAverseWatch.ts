import type { UploadState } from './stallAverseTypes.ts';

/** What silence among the uploads means. */
export type Silence =
  | { readonly kind: 'none' }
  /** Some are frozen while others move: too many for this registry. */
  | { readonly kind: 'frozen'; readonly cancel: readonly number[] }
  /** Nobody moves: cut all but the one that has come furthest, and watch that one. */
  | { readonly kind: 'all quiet'; readonly cancel: readonly number[]; readonly canary: number };

export interface WatchLimits {
  /** Silence of one upload beside others that move. */
  readonly stallMs: number;
  /** Since any upload moved or ended. */
  readonly sinceMoveMs: number;
  /** Silence of all: longer, as a network may well be gone for a few seconds. */
  readonly allQuietMs: number;
}

/** Judges the silence of uploads in their body; those that commit are silent by right. */
export function judgeSilence(uploads: readonly UploadState[], limits: WatchLimits): Silence {
  const bodies = uploads.filter(({ step }) => step === 'body');
  const quiet = bodies.filter(({ quietMs }) => quietMs > limits.stallMs);
  if (quiet.length === 0) return { kind: 'none' };
  // Others moved well after it had stopped, whether or not they have ended since. In an outage all
  // stop together.
  const frozen = quiet.filter(({ quietMs }) => quietMs - limits.sinceMoveMs > limits.stallMs / 2);
  if (frozen.length > 0) return { kind: 'frozen', cancel: frozen.map(({ id }) => id) };
  if (bodies.some(({ quietMs }) => quietMs <= limits.allQuietMs)) return { kind: 'none' };
  const [canary, ...rest] = [...bodies].sort((a, b) => b.sentBytes - a.sentBytes || a.id - b.id);
  if (canary === undefined) return { kind: 'none' };
  return { kind: 'all quiet', cancel: rest.map(({ id }) => id), canary: canary.id };
}

const USUAL_TIMES = 5;

/**
 * Learns how long uploads to this registry are silent when nothing is wrong, so that on a fast
 * registry a frozen one is cut after seconds and on a slow one not before its time.
 */
export class SilenceNorm {
  readonly #leastMs: number;
  readonly #mostMs: number;
  #quiet = new Map<number, number>();
  #longestMs = 0;
  #gaps = 0;

  constructor(leastMs: number, mostMs: number) {
    this.#leastMs = leastMs;
    this.#mostMs = mostMs;
  }

  get stallMs(): number {
    return this.atLeast(this.#leastMs);
  }

  /** So many times the longest silence that ended by itself, once enough of them have been seen. */
  atLeast(leastMs: number, times: number = USUAL_TIMES): number {
    if (this.#gaps < 20) return this.#mostMs;
    return Math.min(this.#mostMs, Math.max(leastMs, times * this.#longestMs));
  }

  take(uploads: readonly UploadState[], sinceMs: number): void {
    const quiet = new Map<number, number>();
    for (const { id, step, quietMs } of uploads) {
      if (step !== 'body') continue;
      quiet.set(id, quietMs);
      const before = this.#quiet.get(id);
      // Half a step: the caller's clock and its silence are rounded apart.
      if (before === undefined || quietMs > before + sinceMs / 2) continue;
      this.#gaps += 1;
      this.#longestMs = Math.max(this.#longestMs, before);
    }
    this.#quiet = quiet;
  }
}
