/** Rates are judged over this long: shorter jumps about, longer lags behind what people see. */
const WINDOW_MS = 4000;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** Counts bytes and tells their rate over the last few seconds. The clock is the caller's. */
export class Meter {
  readonly #samples: Sample[] = [];
  #bytes = 0;

  constructor(now: number) {
    this.#samples.push({ at: now, bytes: 0 });
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Marks the time; call it a few times a second. Returns bytes a second. */
  sample(now: number): number {
    this.#samples.push({ at: now, bytes: this.#bytes });
    while (this.#samples.length > 2 && now - (this.#samples[1]?.at ?? now) >= WINDOW_MS) {
      this.#samples.shift();
    }
    const first = this.#samples[0];
    if (first === undefined || now <= first.at) return 0;
    return ((this.#bytes - first.bytes) * 1000) / (now - first.at);
  }
}

/**
 * Milliseconds until `remainingBytes` are there at this rate; `undefined` where there is no rate, or
 * where the answer would be longer than a day and so no answer.
 */
export function estimateRemainingMs(
  remainingBytes: number,
  bytesPerSecond: number,
): number | undefined {
  if (remainingBytes <= 0) return 0;
  if (!(bytesPerSecond > 0)) return undefined;
  const milliseconds = (remainingBytes / bytesPerSecond) * 1000;
  return milliseconds > 86_400_000 ? undefined : Math.round(milliseconds);
}
