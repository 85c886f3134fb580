import type { CrowdFault } from './faults.ts';

/** How often waiting bodies get their share. Small against a person's eye and a controller's window. */
const TICK_MS = 20;
/** Unused allowance is kept this long: enough for a late event loop, too little for a burst. */
const KEEP_SECONDS = 0.06;

/** What an unlimited body takes at a time: it asks again soon, should limits have come meanwhile. */
const FREE_BYTES = 1024 * 1024;

/** An allowance of bytes that fills by the clock. */
export class Bucket {
  rate: number;
  tokens = 0;

  constructor(bytesPerSecond: number) {
    this.rate = bytesPerSecond;
  }

  refill(seconds: number, factor: number): void {
    const rate = this.rate * factor;
    this.tokens = Math.min(this.tokens, rate * KEEP_SECONDS) + rate * seconds;
  }
}

/** The bodies that count together for one `crowd` fault, in the order of their coming. */
export class Crowd {
  readonly fault: CrowdFault;
  readonly #members = new Set<Flow>();

  constructor(fault: CrowdFault) {
    this.fault = fault;
  }

  get isFull(): boolean {
    return this.#members.size >= this.fault.above;
  }

  /** What is done to one more body before it starts, if anything is. */
  get refusal(): 429 | 503 | 'reset' | undefined {
    const { effect } = this.fault;
    return this.isFull && (effect === 429 || effect === 503 || effect === 'reset')
      ? effect
      : undefined;
  }

  /** What every rate is multiplied by now. */
  get factor(): number {
    const { above, effect, gamma = 2 } = this.fault;
    const open = this.#members.size;
    return effect === 'slow' && open > above ? (above / open) ** gamma : 1;
  }

  join(flow: Flow): void {
    if (this.fault.effect === 'freeze' && this.isFull) flow.frozen = true;
    this.#members.add(flow);
  }

  leave(flow: Flow): void {
    this.#members.delete(flow);
  }

  holdsBack(flow: Flow): boolean {
    if (this.fault.effect !== 'queue') return false;
    let ahead = 0;
    for (const member of this.#members) {
      if (member === flow) return ahead >= this.fault.above;
      ahead += 1;
    }
    return false;
  }
}

/** What holds a body back. */
export interface BodyLimits {
  readonly bytesPerSecond: number | undefined;
  readonly total: Bucket | undefined;
  readonly crowd: Crowd | undefined;
}

/** One body that moves, in either direction. */
export class Flow {
  frozen = false;
  own: Bucket | undefined;
  total: Bucket | undefined;
  crowd: Crowd | undefined;
  waiting: { readonly want: number; readonly resolve: (bytes: number) => void } | undefined;
  readonly #shaper: Shaper;
  #closed = false;

  constructor(shaper: Shaper, limits: BodyLimits) {
    this.#shaper = shaper;
    this.limit(limits);
  }

  /** Puts the body under other limits, from now on. */
  limit(limits: BodyLimits): void {
    this.crowd?.leave(this);
    this.frozen = false;
    const rate = limits.bytesPerSecond;
    this.own = rate === undefined ? undefined : new Bucket(rate);
    this.total = limits.total;
    this.crowd = limits.crowd;
    this.crowd?.join(this);
  }

  get isBlocked(): boolean {
    return this.frozen || (this.crowd?.holdsBack(this) ?? false);
  }

  get isFree(): boolean {
    return this.own === undefined && this.total === undefined && !this.isBlocked;
  }

  /** How many bytes may move now, 1 to `want`; waits where that is none. 0 once it is closed. */
  take(want: number): number | Promise<number> {
    if (this.#closed) return 0;
    return this.isFree ? Math.min(want, FREE_BYTES) : this.#shaper.wait(this, want);
  }

  close(): void {
    this.#closed = true;
    this.crowd?.leave(this);
    this.#shaper.forget(this);
    this.waiting?.resolve(0);
    this.waiting = undefined;
  }
}

/** Deals out bytes to all shaped bodies of a server. One timer, none while nothing is shaped. */
export class Shaper {
  readonly #flows = new Set<Flow>();
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;

  /** @param now seconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  open(limits: BodyLimits): Flow {
    const flow = new Flow(this, limits);
    this.#flows.add(flow);
    return flow;
  }

  get flows(): ReadonlySet<Flow> {
    return this.#flows;
  }

  forget(flow: Flow): void {
    this.#flows.delete(flow);
  }

  wait(flow: Flow, want: number): Promise<number> {
    if (this.#timer === undefined) {
      this.#last = this.#now();
      this.#schedule();
    }
    return new Promise((resolve) => {
      flow.waiting = { want, resolve };
    });
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#tick();
    }, TICK_MS);
  }

  #tick(): void {
    const now = this.#now();
    const seconds = now - this.#last;
    this.#last = now;
    const flows = [...this.#flows];
    if (flows.length === 0) return;
    this.#schedule();
    refillAll(flows, seconds);
    for (const group of groupByTotal(flows)) dealOut(group);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const flow of this.#flows) flow.close();
  }
}

function refillAll(flows: readonly Flow[], seconds: number): void {
  const totals = new Set<Bucket>();
  for (const flow of flows) {
    const factor = flow.crowd?.factor ?? 1;
    flow.own?.refill(seconds, factor);
    if (flow.total === undefined || totals.has(flow.total)) continue;
    totals.add(flow.total);
    flow.total.refill(seconds, factor);
  }
}

function groupByTotal(flows: readonly Flow[]): Iterable<readonly Flow[]> {
  const waiting = flows.filter((flow) => flow.waiting !== undefined && !flow.isBlocked);
  return Map.groupBy(waiting, (flow) => flow.total).values();
}

function dealOut(flows: readonly Flow[]): void {
  const total = flows[0]?.total;
  const wants = flows.map((flow) =>
    Math.min(flow.waiting?.want ?? 0, Math.floor(flow.own?.tokens ?? Number.POSITIVE_INFINITY)),
  );
  const shares = divide(Math.floor(total?.tokens ?? Number.POSITIVE_INFINITY), wants);
  for (const [i, flow] of flows.entries()) {
    const bytes = shares[i] ?? 0;
    if (bytes < 1) continue;
    if (flow.own !== undefined) flow.own.tokens -= bytes;
    if (total !== undefined) total.tokens -= bytes;
    flow.waiting?.resolve(bytes);
    flow.waiting = undefined;
  }
}

/**
 * Divides whole bytes max-min fair: nobody gets more than it wants, and what a small one leaves
 * goes to the others in equal parts.
 */
export function divide(budget: number, wants: readonly number[]): number[] {
  const shares = wants.map(() => 0);
  const smallestFirst = wants.map((want, i) => ({ want, i })).sort((a, b) => a.want - b.want);
  let left = budget;
  for (const [k, { want, i }] of smallestFirst.entries()) {
    const share = Math.min(want, Math.floor(left / (wants.length - k)));
    shares[i] = share;
    left -= share;
  }
  return shares;
}
