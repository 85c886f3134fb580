import { setTimeout as sleep } from 'node:timers/promises';
import type { PlanSummary, ResolvedImage } from '../../transfer/index.ts';
import { type Forecast, type ForecastPlaces, readForecasts } from './forecast.ts';

/** A pull that is over by then needs no warning, and to run `quota` would be a tenth of its start. */
const LATE_MS = 2000;

export interface OutlookOptions {
  readonly places: ForecastPlaces;
  /**
   * `before`: nothing moves until it is known. `beside`: it is asked for at once. `late`: it is asked
   * for when things have moved for a while, and not at all when the run ends sooner.
   */
  readonly when: 'before' | 'beside' | 'late';
  /** How long that is. @defaultValue 2000 */
  readonly lateMs?: number;
  /** Called while the run goes on. */
  readonly onRead: (forecasts: readonly Forecast[]) => void;
}

/** Finds out beside a run whether the disks have room for it. */
export class Outlook {
  readonly #options: OutlookOptions;
  readonly #over = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  #known: readonly Forecast[] = [];

  constructor(options: OutlookOptions) {
    this.#options = options;
  }

  /** The plan is known. Settles when things may move. */
  async begin(images: readonly ResolvedImage[], plan: PlanSummary): Promise<void> {
    this.#reading = this.#read(images, plan);
    if (this.#options.when === 'before') await this.#reading;
    else this.#reading.catch(() => undefined);
  }

  /** What was found out. It is waited for, but for what was asked late and nobody counts on. */
  async end(): Promise<readonly Forecast[]> {
    if (this.#options.when !== 'late') await this.#reading;
    return this.#known;
  }

  /** From here on nothing is told, and nothing asked for any more. */
  close(): void {
    this.#over.abort();
  }

  async #read(images: readonly ResolvedImage[], plan: PlanSummary): Promise<void> {
    const { places, when, lateMs = LATE_MS, onRead } = this.#options;
    const { signal } = this.#over;
    if (when === 'late') {
      await sleep(lateMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
    }
    const forecasts = await readForecasts({ images, plan }, places);
    if (signal.aborted) return;
    this.#known = forecasts;
    onRead(forecasts);
  }
}
