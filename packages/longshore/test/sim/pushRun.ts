import type { StallAverseSample } from '../../src/concurrency/index.ts';
import { drawJobs, type Job, type PushScenario, PushWorld, type Upload } from './pushWorld.ts';
import { seededRandom } from './random.ts';

/** What a run drives: the stall-averse controller, or a fixed width with a time-out. */
export interface PushDriver {
  readonly target: number;
  /** Bodies and commits together. */
  readonly openLimit: number;
  readonly cancel: readonly number[];
  readonly admission: { readonly notBeforeMs: number };
  observe(sample: StallAverseSample): number;
}

export interface PushResult {
  readonly makespan: number;
  /** Summed over uploads: seconds beyond the first in which a body stood still. */
  readonly stalledSeconds: number;
  /** Longest silence of one upload outside an outage. */
  readonly longestSilence: number;
  readonly cancels: number;
  /** Cancels of uploads that were not frozen, outside an outage. */
  readonly falseCancels: number;
  readonly refusals: number;
  /** MB sent twice over MB in all. */
  readonly wasted: number;
  readonly averageOpen: number;
  readonly finished: number;
  readonly trace: readonly { readonly at: number; readonly width: number; readonly open: number }[];
}

export interface PushRunOptions {
  readonly seed: number;
  /** @defaultValue 0.1 s */
  readonly step?: number;
  readonly mostSeconds?: number;
}

const MB = 1e6;

/** Drives a push through the simulated world until every upload has arrived. */
export function runPush(
  scenario: PushScenario,
  driver: PushDriver,
  options: PushRunOptions,
): PushResult {
  return new PushRun(scenario, driver, options).run();
}

class PushRun {
  readonly #world: PushWorld;
  readonly #driver: PushDriver;
  readonly #most: number;
  readonly #jobs: Job[];
  readonly #total: number;
  #uploads: Upload[] = [];
  #now = 0;
  #ids = 0;
  #refused = 0;
  #refusedWith = 0;
  #finishedNow = 0;
  readonly #result = {
    stalledSeconds: 0,
    longestSilence: 0,
    cancels: 0,
    falseCancels: 0,
    refusals: 0,
    wasted: 0,
    openSeconds: 0,
    finished: 0,
  };
  readonly #trace: { at: number; width: number; open: number }[] = [];

  constructor(scenario: PushScenario, driver: PushDriver, options: PushRunOptions) {
    this.#world = new PushWorld(scenario, options.seed, options.step ?? 0.1);
    this.#driver = driver;
    this.#most = options.mostSeconds ?? 6000;
    this.#jobs = drawJobs(scenario, seededRandom(options.seed * 31 + 7));
    this.#total = this.#jobs.reduce((sum, { size }) => sum + size, 0);
  }

  run(): PushResult {
    const count = this.#jobs.length;
    const { step } = this.#world;
    while (this.#result.finished < count && this.#now < this.#most) {
      this.#start();
      const bodies = this.#bodies();
      const victim = this.#world.disturb(bodies);
      if (victim !== undefined) this.#refuse(victim, bodies.length - 1);
      const moved = this.#world.move(this.#bodies(), this.#now);
      this.#finish();
      this.#countSilence();
      this.#result.openSeconds += this.#uploads.length * step;
      this.#now += step;
      this.#observe(moved);
    }
    const { openSeconds, ...counts } = this.#result;
    return {
      ...counts,
      makespan: this.#result.finished < count ? Number.POSITIVE_INFINITY : this.#now,
      wasted: counts.wasted / this.#total,
      averageOpen: openSeconds / this.#now,
      trace: this.#trace,
    };
  }

  #bodies(): Upload[] {
    return this.#uploads.filter(({ commitUntil }) => commitUntil === undefined);
  }

  #start(): void {
    const { target, openLimit, admission } = this.#driver;
    while (this.#bodies().length < target && this.#uploads.length < openLimit) {
      if (this.#now * 1000 < admission.notBeforeMs) return;
      const job = this.#jobs.shift();
      if (job === undefined) return;
      const bodies = this.#bodies().length;
      if (!this.#world.accepts(bodies)) {
        this.#jobs.unshift(job);
        this.#refused += 1;
        this.#refusedWith = bodies;
        this.#result.refusals += 1;
        return;
      }
      this.#uploads.push({
        id: (this.#ids += 1),
        job,
        sent: job.acked,
        bodyAt: this.#now + this.#world.scenario.setup,
        movedAt: this.#now,
        frozen: false,
        answered: true,
        commitUntil: undefined,
      });
    }
  }

  #refuse(upload: Upload, others: number): void {
    this.#drop(upload);
    this.#jobs.unshift(upload.job);
    this.#refused += 1;
    this.#refusedWith = others;
    this.#result.refusals += 1;
  }

  #drop(upload: Upload): void {
    this.#uploads = this.#uploads.filter((other) => other !== upload);
    this.#result.wasted += upload.sent - upload.job.acked;
  }

  #finish(): void {
    const { commit, commitPerMb } = this.#world.scenario;
    for (const upload of this.#uploads) {
      if (upload.commitUntil !== undefined || upload.sent < upload.job.size - 1e-9) continue;
      upload.commitUntil = this.#now + commit + commitPerMb * upload.job.size;
    }
    const open = this.#uploads.filter(
      ({ commitUntil }) => commitUntil === undefined || commitUntil > this.#now,
    );
    this.#finishedNow += this.#uploads.length - open.length;
    this.#result.finished += this.#uploads.length - open.length;
    this.#uploads = open;
  }

  #countSilence(): void {
    for (const upload of this.#bodies()) {
      const silent = this.#now - upload.movedAt;
      if (silent > 1) this.#result.stalledSeconds += this.#world.step;
      if (upload.frozen)
        this.#result.longestSilence = Math.max(this.#result.longestSilence, silent);
    }
  }

  #observe(moved: number): void {
    const refusals =
      this.#refused > 0 ? { count: this.#refused, inFlight: this.#refusedWith } : undefined;
    this.#driver.observe({
      atMs: this.#now * 1000,
      bytes: moved * MB,
      uploads: this.#uploads.map((upload) => ({
        id: upload.id,
        step: upload.commitUntil === undefined ? 'body' : 'commit',
        quietMs: (this.#now - upload.movedAt) * 1000,
        sentBytes: upload.sent * MB,
      })),
      waiting: this.#jobs.length,
      finished: this.#finishedNow,
      refusals,
    });
    this.#refused = 0;
    this.#finishedNow = 0;
    for (const id of this.#driver.cancel) this.#cancel(id);
    this.#trace.push({ at: this.#now, width: this.#driver.target, open: this.#uploads.length });
  }

  #cancel(id: number): void {
    const upload = this.#uploads.find((other) => other.id === id);
    if (upload === undefined) return;
    this.#drop(upload);
    this.#jobs.push(upload.job);
    this.#result.cancels += 1;
    const excused = upload.frozen || this.#world.isOut(this.#now);
    if (!excused) this.#result.falseCancels += 1;
  }
}

/** A width that never changes, the slot held through the commit, and a time-out for silence. */
export function fixedPush(width: number, timeoutSeconds = 300): PushDriver {
  let cancel: number[] = [];
  let notBeforeMs = 0;
  return {
    target: width,
    openLimit: width,
    get cancel() {
      return cancel;
    },
    get admission() {
      return { notBeforeMs };
    },
    observe({ atMs, uploads, refusals }) {
      if (refusals !== undefined) notBeforeMs = atMs + 1000;
      cancel = uploads
        .filter(({ step, quietMs }) => step === 'body' && quietMs > timeoutSeconds * 1000)
        .map(({ id }) => id);
      return width;
    },
  };
}
