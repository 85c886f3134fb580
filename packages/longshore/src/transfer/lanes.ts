import {
  type AcquireOptions,
  createElasticCoordinator,
  createKeyedLimiter,
  type ElasticCoordinator,
  type ElasticSample,
  elastic,
  type KeyedLimiter,
  type Knee,
  type Verdict,
} from '../concurrency/index.ts';
import type { HostMemory } from './hostMemory.ts';
import { Lane, type Slot } from './lane.ts';
import { createLoadMeter, type Load } from './load.ts';
import type { Met } from './met.ts';
import type { RateLimit } from './rateLimit.ts';

/** As many as the controller opens to one server of its own accord. */
const FIRST_WIDTH = 4;

/** A server that is connected to in less than this is taken to be on this machine or next to it. */
const NEAR_MS = 5;

/** Of TCP and of TLS 1.3. */
const CONNECT_RTTS = 2;

export type Workers = number | 'auto';

/** The least time that connecting to a registry, or to an origin that serves its bytes, has taken. */
export type ConnectMs = (server: string) => number | undefined;

export interface LanesOptions {
  readonly workers: Workers;
  /** Over all servers, when the width is not fixed. */
  readonly maxConnections: number;
  readonly memory: HostMemory | undefined;
  readonly now: () => number;
  readonly random: () => number;
  /** Of all lanes together. */
  readonly rateLimit?: RateLimit | undefined;
}

/** What a server's lane came to. */
export interface Settled {
  /** Who serves the bytes. */
  readonly origin: string;
  /** Set by the user, or found. */
  readonly mode: 'fixed' | 'auto';
  readonly width: number;
  /** What bounded it; only where the width was found, not set. */
  readonly verdict?: Verdict | undefined;
  /** What the server did that had to be worked around; left out where it was nothing. */
  readonly met?: Met | undefined;
  /** Of a push: why this wide, in words. */
  readonly reason?: string | undefined;
}

/** What the flows of a lane look like now. */
export interface FlowsOfLane {
  /** How many more of them would find work in ranges that move now. */
  readonly splittable: number;
  /** How many stand without a byte while others move. */
  readonly silent: number;
}

/**
 * One lane for each server of bytes, below one total. A registry that redirects gets the lane of
 * where it redirects to, so two registries before one content network share what they share.
 */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #limiters: KeyedLimiter;
  readonly #coordinator: ElasticCoordinator;
  readonly #byRegistry = new Map<string, Lane>();
  readonly #byOrigin = new Map<string, Lane>();
  readonly #load: () => Load;
  readonly #lanes = new Map<Lane, string>();
  #connectMs: ConnectMs = () => undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
    const { workers, maxConnections, rateLimit } = options;
    this.#load = createLoadMeter(() => rateLimit?.heldMs ?? 0);
    const total = workers === 'auto' ? maxConnections : workers;
    this.#limiters = createKeyedLimiter({
      name: 'transfers',
      width: total,
      keyWidth: workers === 'auto' ? Math.min(FIRST_WIDTH, total) : total,
      nameOf: (host) => `transfers from ${host}`,
    });
    this.#coordinator = createElasticCoordinator(total);
  }

  /** How many bodies may move now, over all servers. */
  get width(): number {
    if (this.#options.workers !== 'auto') return this.#limiters.width;
    let width = 0;
    for (const lane of this.#lanes.keys()) width += lane.limiter.width;
    return Math.min(width, this.#limiters.width);
  }

  /** Nothing is about to change, and this processor is full. */
  get areResting(): boolean {
    for (const { controller, limiter } of this.#lanes.keys()) {
      const isUsed = limiter.active > 0 || limiter.waiting > 0;
      if (isUsed && controller?.isResting !== true) return false;
    }
    return true;
  }

  of(registry: string): Lane {
    const known = this.#byRegistry.get(registry);
    if (known !== undefined) return known;
    const lane = this.#create(registry);
    this.#byRegistry.set(registry, lane);
    return lane;
  }

  /** Before the first body: something is known of the way to each registry that was asked for manifests. */
  begin(connectMs: ConnectMs): void {
    this.#connectMs = connectMs;
    for (const [registry, { limiter, controller }] of this.#byRegistry) {
      const isNear = (connectMs(registry) ?? Number.POSITIVE_INFINITY) < NEAR_MS;
      if (controller === undefined || !isNear) continue;
      controller.oneFirst();
      limiter.resize(controller.target);
    }
  }

  /** A permit of whichever lane the registry has by the time the permit comes, and of the kind that it takes then. */
  async acquire(registry: string, options: AcquireOptions): Promise<Slot> {
    for (;;) {
      const lane = this.of(registry);
      const isBody = options.kind !== 'metadata' || lane.countsAll;
      // Whether a request may go out is asked by who sends it, for as long as its permit is not too many.
      const permit = await lane.limiter.acquire({ ...options, kind: isBody ? 'body' : 'metadata' });
      const slot = { lane, permit, isBody };
      if (this.of(registry) === lane && (isBody || !lane.countsAll)) return slot;
      permit.release();
    }
  }

  /** The registry's bytes come from `origin`. */
  learn(registry: string, origin: string): void {
    const lane = this.of(registry);
    const serving = this.#byOrigin.get(origin);
    if (serving === undefined) {
      this.#byOrigin.set(origin, lane);
      this.#lanes.set(lane, origin);
    } else if (serving !== lane) {
      this.#byRegistry.set(registry, serving);
      // Those who wait in it get their permits now, and find that their place is elsewhere.
      this.#lanes.delete(lane);
      lane.limiter.resize(this.#limiters.width);
      lane.controller?.close();
    }
  }

  /** Lets every controller look at what its lane did. */
  tick(look: (lane: Lane) => FlowsOfLane): void {
    if (this.#options.workers !== 'auto') return;
    const atMs = this.#options.now();
    const load = this.#load();
    const seen = Array.from(this.#lanes, ([lane, origin]) => ({ lane, origin, ...lane.take() }));
    const totalBytes = seen.reduce((sum, { bytes }) => sum + bytes, 0);
    const totalActive = seen.reduce((sum, { lane }) => sum + lane.limiter.active, 0);
    for (const { lane, origin, ...sample } of seen) {
      const { limiter, controller } = lane;
      if (controller === undefined) continue;
      const { splittable, silent } = look(lane);
      const width = controller.observe({
        atMs,
        ...sample,
        ...load,
        totalBytes,
        totalActive,
        active: limiter.active,
        waiting: limiter.waiting + splittable,
        silent,
        ...this.#wayTo(origin, lane),
      });
      if (width !== limiter.width) limiter.resize(width);
    }
  }

  /** What each lane that served anything, or had trouble, came to. */
  settled(): Settled[] {
    return Array.from(this.#lanes).flatMap(([lane, origin]): Settled[] => {
      const { limiter, controller, servedBytes } = lane;
      const met = Object.keys(lane.met).length > 0 ? { met: lane.met } : {};
      if (servedBytes === 0 && met.met === undefined) return [];
      if (controller === undefined) {
        return [{ origin, mode: 'fixed', width: limiter.width, ...met }];
      }
      const verdict = servedBytes > 0 ? controller.verdict() : undefined;
      return [{ origin, mode: 'auto', width: verdict?.width ?? limiter.width, verdict, ...met }];
    });
  }

  /** Hands what was found to the memory for the next run. */
  async remember(): Promise<void> {
    const { memory } = this.#options;
    if (memory === undefined) return;
    const knees: [string, Knee][] = [];
    for (const [registry, { controller }] of this.#byRegistry) {
      const knee = controller?.knee();
      if (knee !== undefined) knees.push([registry, knee]);
    }
    await memory.remember(knees);
  }

  /** Where somebody else connects for us, as through a proxy, the time of an answer is all that is known. */
  #wayTo(
    origin: string,
    { fastestAnswerMs: answerMs }: Lane,
  ): Pick<ElasticSample, 'rttMs' | 'answerMs' | 'setupMs'> {
    if (answerMs === undefined) return {};
    const rttMs = this.#connectMs(origin);
    if (rttMs === undefined) return { rttMs: answerMs };
    return { rttMs, answerMs, setupMs: answerMs + CONNECT_RTTS * rttMs };
  }

  #create(registry: string): Lane {
    const { workers, memory, now, random, maxConnections } = this.#options;
    const limiter = this.#limiters.of(registry);
    const remembered = memory?.recall(registry);
    const controller =
      workers === 'auto'
        ? elastic({
            random,
            start: Math.min(FIRST_WIDTH, maxConnections),
            max: maxConnections,
            coordinator: this.#coordinator,
            origin: registry,
            ...(remembered === undefined ? {} : { remembered }),
          })
        : undefined;
    if (controller !== undefined) limiter.resize(controller.target);
    const lane = new Lane(limiter, controller, now);
    this.#lanes.set(lane, registry);
    return lane;
  }
}
