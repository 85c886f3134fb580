import {
  type ElasticSample,
  Turnstile,
  type Verdict,
  wasTrial,
} from '../../src/concurrency/index.ts';
import { chooseSteal, type OpenRange, type StealLimits } from '../../src/transfer/steal.ts';
import { Stragglers } from '../../src/transfer/stragglers.ts';
import type { PullScenario } from './pullScenario.ts';
import { type Flow, type Piece, PullWorld } from './pullWorld.ts';
import type { Workload } from './workload.ts';

/** What a run drives: an elastic controller, or a fixed width. */
export interface PullDriver {
  readonly target: number;
  readonly admission: { readonly notBeforeMs: number; readonly minIntervalMs: number };
  readonly capacityBytesPerSecond?: number | undefined;
  readonly trial?: number;
  readonly isClimbing?: boolean;
  observe(sample: ElasticSample): number;
  verdict?(): Verdict;
}

export interface PullResult {
  readonly makespan: number;
  readonly total: number;
  readonly averageFlows: number;
  readonly peakFlows: number;
  readonly requests: number;
  readonly refusals: number;
  /** Refusals in the first run of them: until eight seconds passed without one. */
  readonly firstBurst: number;
  readonly resets: number;
  readonly trace: readonly { readonly at: number; readonly width: number; readonly rate: number }[];
}

export interface PullRunOptions {
  readonly seed: number;
  readonly work: Workload;
  /** @defaultValue 0.05 s */
  readonly step?: number;
  /** @defaultValue 0.1 s */
  readonly sampleEvery?: number;
  readonly mostSeconds?: number;
  readonly steal?: StealLimits | 'never';
  /**
   * What flows above the target do: be closed at once as the engine does it, stop reading and be
   * closed after 15 s, or end with their piece.
   * @defaultValue 'close'
   */
  readonly shrink?: 'pause' | 'drain' | 'close';
}

const MB = 1e6;

/** Drives a pull through the simulated world until all bytes have come. */
export function runPull(
  scenario: PullScenario,
  driver: PullDriver,
  options: PullRunOptions,
): PullResult {
  return new PullRun(scenario, driver, options).run();
}

class PullRun {
  readonly #world: PullWorld;
  readonly #driver: PullDriver;
  readonly #options: PullRunOptions;
  readonly #queue: Piece[];
  readonly #flows: Flow[] = [];
  readonly #divisible = new Set<number>();
  readonly #turnstile = new Turnstile();
  readonly #stragglers = new Stragglers();
  #now = 0;
  #lastSend = Number.NEGATIVE_INFINITY;
  #moved = 0;
  #busy = 0;
  #sampledAt = 0;
  #accepted = 0;
  #sent = 0;
  #refused = 0;
  #refusedWith = 0;
  #reset = 0;
  #stealIdleUntil = 0;
  #looksSoon = false;
  #fastestAnswer: number | undefined;
  readonly #result = {
    flowSeconds: 0,
    peak: 0,
    requests: 0,
    refusals: 0,
    firstBurst: 0,
    lastRefusal: 0,
    resets: 0,
  };
  readonly #trace: { at: number; width: number; rate: number }[] = [];

  constructor(scenario: PullScenario, driver: PullDriver, options: PullRunOptions) {
    this.#world = new PullWorld(scenario, options.seed, options.step ?? 0.05);
    this.#driver = driver;
    this.#options = options;
    this.#queue = options.work
      .map((left, blob) => ({ blob, left }))
      .sort((a, b) => b.left - a.left);
  }

  run(): PullResult {
    const { mostSeconds = 3000, sampleEvery = 0.1, work } = this.#options;
    const { step } = this.#world;
    const result = this.#result;
    while (this.#now < mostSeconds) {
      const running = this.#assign();
      if (
        running.length === 0 &&
        this.#queue.length === 0 &&
        !this.#flows.some((flow) => flow.piece)
      )
        break;
      this.#answer(running);
      const { moved, busy } = this.#world.move(running, this.#now);
      for (const flow of running) {
        if (flow.piece !== undefined && flow.piece.left <= 1e-9) this.#finish(flow, running.length);
      }
      this.#breakSome(running);
      this.#moved += moved;
      this.#busy = busy;
      this.#now += step;
      result.flowSeconds += running.length * step;
      result.peak = Math.max(result.peak, running.length);
      const isDue = this.#now - this.#sampledAt >= sampleEvery - 1e-9;
      if (isDue || this.#looksSoon) this.#sample(running.length);
    }
    return {
      makespan: this.#now,
      total: work.reduce((sum, size) => sum + size, 0),
      averageFlows: result.flowSeconds / this.#now,
      peakFlows: result.peak,
      requests: result.requests,
      refusals: result.refusals,
      firstBurst: result.firstBurst,
      resets: result.resets,
      trace: this.#trace,
    };
  }

  /** Pauses the newest flows above the target and gives work to idle ones below it. */
  #assign(): Flow[] {
    const target = this.#driver.target;
    while (this.#flows.length < target) this.#flows.push(this.#world.newFlow());
    const { shrink = 'close' } = this.#options;
    const above = this.#flows.slice(target);
    if (shrink !== 'drain')
      for (const flow of above) this.#pause(flow, shrink === 'pause' ? 15 : 0);
    const allowed = this.#flows.slice(0, target);
    for (const flow of allowed) flow.pausedFor = 0;
    const draining = shrink === 'drain' ? above.filter((flow) => flow.piece !== undefined) : [];
    let busy = draining.length + allowed.filter((flow) => flow.piece !== undefined).length;
    let unanswered = this.#unanswered;
    for (const flow of allowed) {
      if (busy >= target) break;
      if (flow.piece !== undefined || !this.#maySend(busy, unanswered)) continue;
      const piece =
        this.#queue.shift() ?? this.#adopt(draining.length > 0 ? [] : above) ?? this.#steal();
      if (piece === undefined) break;
      busy += 1;
      unanswered += 1;
      flow.piece = piece;
      this.#world.send(flow, this.#now);
      flow.sentAs = allowed.filter((other) => other.piece !== undefined).length;
      flow.turn = this.#turnstile.turn;
      this.#lastSend = this.#now;
      this.#sent += 1;
      this.#result.requests += 1;
    }
    return [...allowed, ...draining].filter((flow) => flow.piece !== undefined);
  }

  #finish(flow: Flow, of: number): void {
    flow.piece = undefined;
    const bytesPerSecond = (flow.fetched * MB) / (this.#now + this.#world.step - flow.sentAt);
    this.#stragglers.finished({ bytesPerSecond, of });
  }

  /** As the engine does it: what crawls is asked for again, on a new connection. */
  #cutTheSlow(): void {
    const { rtt, request } = this.#world.scenario;
    const open = this.#flows.filter((flow) => flow.piece !== undefined && flow.answered);
    const slow = this.#stragglers.find(
      open.map((flow) => ({
        id: flow.number,
        blob: String(flow.piece?.blob),
        remainingBytes: (flow.piece?.left ?? 0) * MB,
        bytesPerSecond: flow.ratedFor >= 0.15 ? flow.rate * MB : undefined,
        lostBytes: 0,
      })),
      {
        atSeconds: this.#now,
        setupSeconds: rtt + request,
        isLate: this.#queue.length === 0 && open.length < this.#driver.target,
        mayAsk: this.#maySend(open.length, this.#unanswered),
      },
    );
    for (const flow of open) {
      if (!slow.includes(flow.number)) continue;
      this.#giveUp(flow);
      this.#world.reconnect(flow);
    }
  }

  #giveUp(flow: Flow): void {
    if (flow.piece !== undefined) this.#queue.unshift(flow.piece);
    flow.piece = undefined;
    flow.connected = false;
  }

  get #unanswered(): number {
    return this.#flows.filter((flow) => flow.piece && !flow.answered).length;
  }

  #pause(flow: Flow, closeAfter: number): void {
    if (flow.piece === undefined) return;
    flow.pausedFor += this.#world.step;
    if (flow.pausedFor > closeAfter) this.#giveUp(flow);
  }

  #maySend(busy: number, unanswered: number): boolean {
    // As in the engine, where the controller hears of a refusal at once.
    if (this.#refused > 0) return false;
    if (!this.#turnstile.lets(busy, unanswered)) return false;
    const { notBeforeMs, minIntervalMs } = this.#driver.admission;
    const nowMs = this.#now * 1000;
    return nowMs >= notBeforeMs && nowMs - this.#lastSend * 1000 >= minIntervalMs;
  }

  /** An idle flow takes over what a paused one has left. */
  #adopt(paused: readonly Flow[]): Piece | undefined {
    for (const flow of paused) {
      const { piece } = flow;
      if (piece === undefined) continue;
      flow.piece = undefined;
      flow.connected = false;
      return piece;
    }
    return undefined;
  }

  #steal(): Piece | undefined {
    const limits = this.#options.steal ?? {};
    if (limits === 'never' || this.#now < this.#stealIdleUntil) return undefined;
    const { rtt, request } = this.#world.scenario;
    const busy = this.#flows.filter((flow) => flow.piece !== undefined);
    const ranges: OpenRange[] = busy.map((flow, id) => ({
      id,
      blob: String(flow.piece?.blob),
      remainingBytes: (flow.piece?.left ?? 0) * MB,
      bytesPerSecond: flow.ratedFor >= 0.1 ? flow.rate * MB : undefined,
      divisible: this.#divisible.has(flow.piece?.blob ?? -1),
    }));
    const steal = chooseSteal(
      {
        ranges,
        setupSeconds: rtt + request,
        goodputBytesPerSecond: busy.reduce((sum, flow) => sum + flow.rate, 0) * MB,
        capacityBytesPerSecond: this.#driver.capacityBytesPerSecond,
      },
      limits,
    );
    const piece = steal === undefined ? undefined : busy[steal.id]?.piece;
    if (steal === undefined || piece === undefined) {
      this.#stealIdleUntil = this.#now + 0.1;
      return undefined;
    }
    piece.left = steal.keptBytes / MB;
    return { blob: piece.blob, left: steal.stolenBytes / MB };
  }

  /** Answers requests that have reached the server. */
  #answer(running: readonly Flow[]): void {
    for (const flow of running) {
      if (flow.answered || flow.piece === undefined || this.#now < flow.readyAt) continue;
      const open = running.filter((other) => other.answered && other.piece !== undefined).length;
      if (this.#world.accepts(open, this.#now)) {
        flow.answered = true;
        this.#turnstile.accepted(flow.turn, flow.sentAs);
        this.#accepted = Math.max(this.#accepted, flow.sentAs);
        this.#divisible.add(flow.piece.blob);
        this.#timeAnswer(flow);
        // As in the engine, where the next requests do not wait for the next look while the width grows.
        const { isClimbing = false, target } = this.#driver;
        this.#looksSoon ||= isClimbing && running.length >= target;
        continue;
      }
      this.#queue.unshift(flow.piece);
      flow.piece = undefined;
      // As the engine tells it: those that were in flight before it.
      const before = flow.sentAs - 1;
      const isTrial = wasTrial(this.#driver.trial ?? 0, before);
      if (!isTrial) this.#turnstile.refused(flow.turn, before);
      this.#refusedWith = this.#refused === 0 ? before : Math.min(this.#refusedWith, before);
      this.#refused += 1;
      this.#countRefusal();
    }
  }

  /** As the engine times it: in a world of steps an answer takes a whole one at least. */
  #timeAnswer({ sentAt, isFresh }: Flow): void {
    if (isFresh) return;
    const answer = this.#now - sentAt;
    this.#fastestAnswer = Math.min(this.#fastestAnswer ?? answer, answer);
  }

  #countRefusal(): void {
    const result = this.#result;
    const first = result.refusals === 0 || result.firstBurst === result.refusals;
    result.refusals += 1;
    if (first && (result.refusals === 1 || this.#now - result.lastRefusal < 8))
      result.firstBurst += 1;
    result.lastRefusal = this.#now;
  }

  #breakSome(running: readonly Flow[]): void {
    const { server } = this.#world.scenario;
    if (server.kind !== 'reset' || running.length <= server.limit) return;
    const hazard = server.perSecond * (running.length - server.limit) * this.#world.step;
    if (this.#world.random() >= hazard) return;
    const victim = running[Math.floor(this.#world.random() * running.length)];
    if (victim?.piece === undefined) return;
    this.#giveUp(victim);
    this.#reset += 1;
    this.#result.resets += 1;
  }

  #sample(active: number): void {
    this.#cutTheSlow();
    const bytes = this.#moved * MB;
    const { rtt, request } = this.#world.scenario;
    const answer = this.#fastestAnswer ?? rtt + request;
    const refusals =
      this.#refused > 0
        ? { count: this.#refused, inFlight: this.#refusedWith, retryAfterMs: this.#retryAfterMs() }
        : undefined;
    this.#driver.observe({
      atMs: this.#now * 1000,
      bytes,
      active,
      waiting: this.#queue.length,
      acceptedAt: this.#accepted,
      requests: this.#sent,
      refusals,
      breaks: this.#reset,
      silent: this.#silent(),
      rttMs: rtt * 1000,
      setupMs: (4 * rtt + request) * 1000,
      answerMs: answer * 1000,
      cpuBusy: this.#world.scenario.cpu === undefined ? 0 : this.#busy,
    });
    this.#trace.push({
      at: this.#now,
      width: this.#driver.target,
      rate: this.#moved / (this.#now - this.#sampledAt),
    });
    this.#sampledAt = this.#now;
    this.#looksSoon = false;
    this.#moved = 0;
    this.#accepted = 0;
    this.#sent = 0;
    this.#refused = 0;
    this.#reset = 0;
  }

  #silent(): number {
    const starved = (flow: Flow) =>
      flow.piece !== undefined && flow.answered && flow.rate === 0 && this.#now > flow.readyAt + 1;
    return this.#flows.slice(0, this.#driver.target).filter(starved).length;
  }

  #retryAfterMs(): number | undefined {
    const { server } = this.#world.scenario;
    return server.kind === '429' ? server.retryAfterSeconds * 1000 : undefined;
  }
}

/** A width that never changes; after a 429 it waits as asked, as any client does. */
export function fixedPull(width: number): PullDriver {
  let notBeforeMs = 0;
  return {
    target: width,
    get admission() {
      return { notBeforeMs, minIntervalMs: 0 };
    },
    observe({ refusals, atMs }) {
      if (refusals !== undefined) notBeforeMs = atMs + (refusals.retryAfterMs ?? 2_000);
      return width;
    },
  };
}
