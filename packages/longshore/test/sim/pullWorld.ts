import type { PullScenario } from './pullScenario.ts';
import { normal, type Random, seededRandom } from './random.ts';

/** Bytes of a blob that some flow fetches, or will. MB. */
export interface Piece {
  readonly blob: number;
  left: number;
}

/** One worker and its connection. */
export interface Flow {
  piece: Piece | undefined;
  /** Of its request. */
  number: number;
  /** MB of this request that have come. */
  fetched: number;
  sentAt: number;
  /** It connects for this request. */
  isFresh: boolean;
  /** When the first byte of the body may come. */
  readyAt: number;
  answered: boolean;
  /** How many flows were in flight when its request was sent, itself included. */
  sentAs: number;
  /** At the turnstile, when its request was sent. */
  turn: number;
  /** Slow start: most the connection gives now. */
  ramp: number;
  connected: boolean;
  cap: number;
  pausedFor: number;
  /** Smoothed rate, for the choice of what to split. */
  rate: number;
  ratedFor: number;
}

/** What the network and the server do with the flows in one step. */
export class PullWorld {
  readonly scenario: PullScenario;
  readonly random: Random;
  readonly step: number;
  #noise = 0;
  #wobble: number[] = [];
  #wobbleIn = 0;
  #sent = 0;
  #tokens: number;
  readonly #flows: Flow[] = [];
  readonly #demand: number[] = [];

  constructor(scenario: PullScenario, seed: number, step: number) {
    this.scenario = scenario;
    this.random = seededRandom(seed * 7919 + 13);
    this.step = step;
    this.#tokens = scenario.server.kind === '429 rate' ? scenario.server.burst : 0;
  }

  newFlow(): Flow {
    return {
      piece: undefined,
      number: 0,
      fetched: 0,
      sentAt: 0,
      isFresh: true,
      readyAt: 0,
      answered: false,
      sentAs: 0,
      turn: 0,
      ramp: 0,
      connected: false,
      cap: this.#drawCap(),
      pausedFor: 0,
      rate: 0,
      ratedFor: 0,
    };
  }

  /** What crawled gets another connection, which may be luckier. */
  reconnect(flow: Flow): void {
    flow.connected = false;
    flow.cap = this.#drawCap();
  }

  #drawCap(): number {
    const { perConnection, spread } = this.scenario;
    return perConnection * Math.exp(spread * normal(this.random));
  }

  /** A request leaves: TCP and TLS take three round trips more on a new connection. */
  send(flow: Flow, now: number): void {
    const { rtt, request } = this.scenario;
    this.#sent += 1;
    flow.number = this.#sent;
    flow.fetched = 0;
    flow.sentAt = now;
    flow.isFresh = !flow.connected;
    flow.readyAt = now + (flow.connected ? 1 : 4) * rtt + request;
    if (!flow.connected) flow.ramp = 14.6 / 1024 / Math.max(rtt, 0.002);
    flow.answered = false;
    flow.connected = true;
    flow.rate = 0;
    flow.ratedFor = 0;
  }

  /** Whether the server takes the request that has just arrived; `open` flows are answered already. */
  accepts(open: number, now: number): boolean {
    const { server } = this.scenario;
    if ('from' in server && now < (server.from ?? 0)) return true;
    if (server.kind === '429') return open < server.limit;
    if (server.kind === '429 at times') return this.random() >= server.share;
    if (server.kind !== '429 rate') return true;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Moves bytes of the flows given; returns how much, and how full the processor was. */
  move(running: readonly Flow[], now: number): { readonly moved: number; readonly busy: number } {
    const { scenario, step } = this;
    const { server } = scenario;
    if (server.kind === '429 rate') {
      this.#tokens = Math.min(server.burst, this.#tokens + server.perSecond * step);
    }
    const keep = scenario.noiseMemory ** (step / 0.05);
    this.#noise =
      keep * this.#noise + Math.sqrt(1 - keep * keep) * normal(this.random) * scenario.noise;
    const live = this.#serving(running, now);
    const flows = live.length;
    let capacity =
      this.#linkAt(now) / (1 + scenario.kappa * running.length * Math.max(0, running.length - 1));
    if (server.kind === 'collapse' && flows > server.limit) {
      capacity *= (server.limit / flows) ** server.steepness;
    }
    let cpu = Number.POSITIVE_INFINITY;
    if (scenario.cpu !== undefined) {
      cpu = scenario.cpu.limit / (1 + scenario.cpu.perFlow * Math.max(0, running.length - 1));
    }
    const moved = this.#share(live, Math.min(capacity, cpu));
    return { moved, busy: Math.min(1, moved / step / cpu) };
  }

  #linkAt(now: number): number {
    let factor = 1;
    for (const step of this.scenario.steps) if (now >= step.at) factor = step.factor;
    return this.scenario.link * factor * Math.exp(this.#noise);
  }

  #serving(running: readonly Flow[], now: number): Flow[] {
    const { server } = this.scenario;
    const limit = server.kind === 'queue' ? server.limit : Number.POSITIVE_INFINITY;
    const live = this.#flows;
    live.length = 0;
    for (const flow of running) {
      if (now >= flow.readyAt && flow.answered && live.length < limit) live.push(flow);
    }
    return live;
  }

  /** Max-min fair: those who want least are served first, the rest share what is left. */
  #share(live: Flow[], capacity: number): number {
    const { step } = this;
    const growth = 2 ** (step / Math.max(this.scenario.rtt, 0.01));
    if ((this.#wobbleIn -= step) <= 0 || this.#wobble.length < live.length) {
      this.#wobbleIn = 0.25;
      this.#wobble = Array.from({ length: 64 }, () => Math.exp(0.1 * normal(this.random)));
    }
    const demand = this.#demand;
    demand.length = live.length;
    for (const [index, flow] of live.entries()) {
      flow.ramp = Math.min(flow.ramp * growth, 1e6);
      demand[index] = Math.min(flow.ramp, flow.cap * (this.#wobble[index] ?? 1));
    }
    const level = fairLevel(demand, capacity);
    let moved = 0;
    for (const [index, flow] of live.entries()) {
      const { piece } = flow;
      if (piece === undefined) continue;
      const rate = Math.min(demand[index] ?? 0, level);
      // Loss holds a flow that wants more than its share near that share.
      if (flow.ramp > 4 * rate && (demand[index] ?? 0) > 1.02 * rate) flow.ramp = 4 * rate;
      const bytes = Math.min(rate * step, piece.left);
      piece.left -= bytes;
      flow.fetched += bytes;
      moved += bytes;
      flow.ratedFor += step;
      flow.rate += (rate - flow.rate) * Math.max(0.2 * (step / 0.05), step / flow.ratedFor);
    }
    return moved;
  }
}

/** The level at which the demands, cut off there, add up to the capacity. */
function fairLevel(demand: readonly number[], capacity: number): number {
  let level = capacity / Math.max(1, demand.length);
  for (let round = 0; round < 12; round += 1) {
    let satisfied = 0;
    let greedy = 0;
    for (const wish of demand) {
      if (wish <= level) satisfied += wish;
      else greedy += 1;
    }
    if (greedy === 0) return level;
    const next = (capacity - satisfied) / greedy;
    if (next <= level * 1.0001) return next;
    level = next;
  }
  return level;
}
