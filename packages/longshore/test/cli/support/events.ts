import type { Clock } from '../../../src/cli/render/renderer.ts';
import { type Digest, digestOf } from '../../../src/image/index.ts';
import type { ActiveBlob, PlanSummary, TransferEvent } from '../../../src/transfer/index.ts';

/** A digest that is the same in every run of the tests. */
export function testDigest(name: string | number): Digest {
  return digestOf(Buffer.from(String(name)));
}

/** A clock that stands still until it is moved; moving it calls what is due, in order. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  #timers: { readonly ms: number; next: number; readonly tick: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  every(ms: number, tick: () => void): () => void {
    const timer = { ms, next: this.#now + ms, tick };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.toSorted((a, b) => a.next - b.next)[0];
      if (due === undefined || due.next > end) break;
      this.#now = due.next;
      due.next += due.ms;
      due.tick();
    }
    this.#now = end;
  }
}

const PLAN: PlanSummary = {
  images: 3,
  blobs: 12,
  bytes: 736_000_000,
  sharedBytes: 120_000_000,
  presentBytes: 200_000_000,
  resumableBytes: 0,
  fetchBlobs: 10,
  fetchBytes: 536_000_000,
  freeDiskBytes: 1e12,
};

export function started(at: number, images = 3, workers = 4): TransferEvent {
  return { type: 'run.started', at, verb: 'pull', images, workers };
}

export function resolved(at: number, image: number): TransferEvent {
  return {
    type: 'image.resolved',
    at,
    image,
    reference: `registry.example/image${image}:1`,
    digest: testDigest(image),
    layers: 4,
    bytes: 100_000_000,
  };
}

export function planned(at: number, plan: Partial<PlanSummary> = {}): TransferEvent {
  return { type: 'plan.ready', at, ...PLAN, ...plan };
}

export function imageDone(at: number, image: number): TransferEvent {
  return {
    type: 'image.done',
    at,
    image,
    reference: `registry.example/image${image}:1`,
    digest: testDigest(image),
    milliseconds: 3200,
  };
}

export function imageFailed(at: number, image: number, message = 'not found (404)'): TransferEvent {
  return {
    type: 'image.failed',
    at,
    image,
    reference: `registry.example/image${image}:1`,
    error: { code: 'ERR_TEST', message, hint: 'Check the name' },
  };
}

export function output(
  at: number,
  change: Partial<Extract<TransferEvent, { type: 'output.progress' }>> = {},
): TransferEvent {
  return {
    type: 'output.progress',
    at,
    image: 0,
    reference: 'registry.example/image0:1',
    output: 'sif:images/',
    label: 'image0:1',
    step: 'write',
    doneBytes: 0,
    totalBytes: 2_540_000_000,
    ...change,
  };
}

export function blob(index: number, change: Partial<ActiveBlob> = {}): ActiveBlob {
  return {
    digest: testDigest(`blob ${index}`),
    size: 53_500_000,
    doneBytes: 38_100_000,
    bytesPerSecond: 12_000_000,
    state: 'moving',
    label: `image${index}:1`,
    ...change,
  };
}

export function progress(
  at: number,
  change: Partial<Extract<TransferEvent, { type: 'progress' }>> = {},
): TransferEvent {
  return {
    type: 'progress',
    at,
    elapsedMs: 2700,
    doneBytes: 301_000_000,
    totalBytes: 536_000_000,
    bytesPerSecond: 112_000_000,
    etaMs: 2100,
    images: { total: 3, done: 1, failed: 0 },
    blobs: { total: 10, done: 6 },
    width: 4,
    active: [blob(1), blob(2, { state: 'retrying' })],
    ...change,
  };
}

export function finished(
  at: number,
  change: Partial<Extract<TransferEvent, { type: 'run.finished' }>> = {},
): TransferEvent {
  return {
    type: 'run.finished',
    at,
    outcome: 'succeeded',
    milliseconds: 4800,
    images: { total: 3, done: 3, failed: 0, cancelled: 0 },
    fetchedBytes: 536_000_000,
    settled: [],
    plan: PLAN,
    ...change,
  };
}
