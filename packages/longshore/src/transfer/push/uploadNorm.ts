/** So many of the latest uploads are what is usual. */
const KEPT = 32;
const FEWEST = 5;
/** What is shorter tells how long a registry takes to answer, not how fast it takes bytes. */
const SMALL_BYTES: number = 64 * 1024;

/**
 * How long whole uploads to one registry take. An upload that fits into the buffers of two kernels
 * shows no progress: it is handed over at once, and silent until it is answered. Its time is all
 * that can be compared.
 */
export class UploadNorm {
  #latest: { readonly size: number; readonly tookMs: number }[] = [];

  finished(size: number, tookMs: number): void {
    this.#latest = [...this.#latest.slice(1 - KEPT), { size, tookMs }];
  }

  /** The slowest that has to be expected of this size; `undefined` as long as too little is known. */
  expectedMs(size: number): number | undefined {
    if (this.#latest.length < FEWEST) return undefined;
    const of = (small: boolean) =>
      this.#latest.filter((upload) => upload.size <= SMALL_BYTES === small);
    const small = of(true).map(({ tookMs }) => tookMs);
    const slowest = Math.max(0, ...small);
    if (size <= SMALL_BYTES && small.length > 0) return slowest;
    const perByte = of(false).map((upload) => upload.tookMs / upload.size);
    return perByte.length === 0 ? undefined : slowest + size * Math.max(...perByte);
  }
}
