import { LongshoreError } from '../errors.ts';
import type { Flow } from './flow.ts';
import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { FlowTable, HelpedMove } from './moveContext.ts';
import { chooseSteal, type OpenRange } from './steal.ts';
import { type Runner, Stragglers } from './stragglers.ts';

/** Used until a response head has been timed. */
const ASSUMED_SETUP_MS = 50;
/** Ranges down to twice this are counted as work for another flow. */
const WORTHWHILE_BYTES: number = 1024 * 1024;
/** A flow that ends so soon makes room by itself. */
const NEARLY_DONE_S = 0.3;
/** How soon after an answer the next requests go out, while the width grows. */
const SOON_MS = 2;
/** An open flow without a byte for so long counts as silent. */
const QUIET_MS = 1000;
/** A look costs half a millisecond of a processor; where that is full, this often is enough. */
const RESTING_MS = 60;

export interface FanOutOptions {
  readonly lanes: Lanes;
  readonly now: () => number;
  /** Off for `--serial`: whole layers only. */
  readonly split: boolean;
  /** A connection is cut after this much silence when others have moved in the meantime. */
  readonly silentMs: number;
}

/**
 * Gives idle permits something to do: the tail of whichever blob would end last. Nothing is split
 * while a blob waits for a permit, and nothing before the server has shown that ranges work. Also
 * cuts connections that went silent or crawl while others move; that costs the blob no retry.
 */
export class FanOut implements FlowTable {
  readonly #options: FanOutOptions;
  readonly #moves = new Map<Flow, HelpedMove>();
  readonly #whole = new Set<string>();
  readonly #stragglers = new Map<Lane, Stragglers>();
  #ids = 0;
  #ticksSoon = false;
  #tickedAt = 0;

  constructor(options: FanOutOptions) {
    this.#options = options;
  }

  nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  add(flow: Flow, move: HelpedMove): void {
    this.#moves.set(flow, move);
  }

  delete(flow: Flow): void {
    const { lane } = flow;
    const bytesPerSecond = flow.restarted ? undefined : flow.averageRate(this.#options.now());
    if (bytesPerSecond !== undefined) {
      this.#stragglersOf(lane).finished({ bytesPerSecond, of: lane.open + 1 });
    }
    this.#moves.delete(flow);
  }

  rangesRefused(registry: string): void {
    this.#whole.add(registry);
  }

  mayRange(registry: string): boolean {
    return !this.#whole.has(registry);
  }

  maySplit(registry: string): boolean {
    return this.#options.split && this.mayRange(registry);
  }

  /**
   * Two requests at a time go beyond what the server has proved to take. To wait for the next tick
   * after each answer would take a third of a second from 16 flows to 32, on any line.
   */
  accepted({ limiter, controller }: Lane): void {
    if (controller?.isClimbing !== true || limiter.active < limiter.width) return;
    if (this.#ticksSoon) return;
    this.#ticksSoon = true;
    setTimeout(() => {
      this.#ticksSoon = false;
      this.#tick();
    }, SOON_MS).unref();
  }

  /**
   * The controller hears of a refusal before the refused request's permit is given to the next one,
   * which would be refused as well.
   */
  refused(): void {
    queueMicrotask(() => this.#tick());
  }

  /** Call it a few dozen times a second while blobs move. */
  look(): void {
    const { lanes, now } = this.#options;
    if (!lanes.areResting || now() - this.#tickedAt >= RESTING_MS) this.#tick();
  }

  #tick(): void {
    const now = this.#options.now();
    this.#tickedAt = now;
    const flows = [...this.#moves.keys()];
    const ranges = new Map(flows.map((flow) => [flow, flow.openRange(now)]));
    this.#cutTheSilent(flows, now);
    this.#cutTheSlow(ranges, now);
    this.#options.lanes.tick((lane) => ({
      splittable: this.#splittable(lane, ranges),
      silent: countSilent(flows, lane, now),
    }));
    for (const lane of new Set(flows.map((flow) => flow.lane))) {
      this.#narrow(lane, ranges);
      this.#adopt(lane, ranges);
      this.#spread(lane, ranges);
    }
  }

  #divisible(flow: Flow): boolean {
    const move = this.#moves.get(flow);
    return move?.takesHelp === true && !flow.restarted && this.maySplit(move.registry);
  }

  /** How many more flows would find a piece in what moves now. */
  #splittable(lane: Lane, ranges: ReadonlyMap<Flow, OpenRange>): number {
    let pieces = 0;
    for (const [flow, range] of ranges) {
      if (flow.lane !== lane || !range.divisible || !this.#divisible(flow)) continue;
      pieces += Math.floor(range.remainingBytes / (2 * WORTHWHILE_BYTES));
    }
    return pieces;
  }

  /**
   * The newest flows above the width make room at once. Left to run out they would let the controller
   * compare widths that were never in force: 0.90 of the best width in simulation instead of 0.96.
   */
  #narrow(lane: Lane, all: ReadonlyMap<Flow, OpenRange>): void {
    const { limiter, controller } = lane;
    if (controller === undefined || limiter.active <= limiter.width) return;
    const flows = [...all].filter(([flow]) => flow.lane === lane && flow.divisible);
    const leaving = flows.filter(([flow]) => flow.restarted).length;
    // Permits that are held without a flow are given back by their holders, not by those who have one.
    const excess = lane.bodies - limiter.width - leaving;
    const newest = flows
      .filter(([flow, range]) => !flow.restarted && secondsLeft(range) > NEARLY_DONE_S)
      .sort(([a], [b]) => b.id - a.id);
    for (const [flow] of newest.slice(0, Math.max(0, excess))) flow.stepAside(gaveUp('surplus'));
  }

  /** What flows that made room have left goes before anything is split. */
  #adopt(lane: Lane, all: ReadonlyMap<Flow, OpenRange>): void {
    const { limiter } = lane;
    for (const flow of all.keys()) {
      if (limiter.waiting > 0 || limiter.active >= limiter.width) return;
      const move = this.#moves.get(flow);
      const gap = flow.lane === lane && this.#divisible(flow) ? move?.orphan() : undefined;
      if (move === undefined || gap === undefined) continue;
      const permit = lane.tryAcquire();
      if (permit === undefined) return;
      move.help(gap, { lane, permit, isBody: true });
    }
  }

  #spread(lane: Lane, all: ReadonlyMap<Flow, OpenRange>): void {
    const { limiter, controller } = lane;
    const flows = new Map<number, Flow>();
    const ranges: OpenRange[] = [];
    for (const [flow, range] of all) {
      if (flow.lane !== lane || flow.restarted) continue;
      flows.set(flow.id, flow);
      ranges.push(this.#divisible(flow) ? range : { ...range, divisible: false });
    }
    const goodput = ranges.reduce((sum, { bytesPerSecond = 0 }) => sum + bytesPerSecond, 0);
    while (limiter.waiting === 0 && limiter.active < limiter.width) {
      const steal = chooseSteal({
        ranges,
        setupSeconds: setupSeconds(lane),
        goodputBytesPerSecond: goodput,
        capacityBytesPerSecond: controller?.capacityBytesPerSecond,
      });
      const flow = steal === undefined ? undefined : flows.get(steal.id);
      const move = flow === undefined ? undefined : this.#moves.get(flow);
      if (steal === undefined || flow === undefined || move === undefined) return;
      const permit = lane.tryAcquire();
      if (permit === undefined) return;
      move.help(flow.cut(steal.keptBytes), { lane, permit, isBody: true });
      const cut = ranges.findIndex(({ id }) => id === steal.id);
      ranges.splice(cut, 1, ...halves(ranges[cut], steal));
    }
  }

  /** Nothing at all moving is an outage, not a bad connection: then the registry's own limit rules. */
  #cutTheSilent(flows: readonly Flow[], now: number): void {
    const { silentMs } = this.#options;
    const moving = flows.some(({ lastByteAt }) => now - lastByteAt < silentMs / 4);
    if (!moving) return;
    for (const flow of flows) {
      if (flow.restarted || now - flow.lastByteAt <= silentMs) continue;
      flow.lane.meet('silent');
      flow.restart(gaveUp('silent'));
    }
  }

  /** Each server is judged by itself: beside a fast one all flows of another may be slow. */
  #cutTheSlow(all: ReadonlyMap<Flow, OpenRange>, now: number): void {
    for (const [lane, flows] of Map.groupBy(all, ([flow]) => flow.lane)) {
      const { limiter } = lane;
      const running = flows.filter(([flow]) => !flow.restarted);
      const found = this.#stragglersOf(lane).find(
        running.map(([flow, range]) => this.#runner(flow, range, now)),
        {
          atSeconds: now / 1000,
          setupSeconds: setupSeconds(lane),
          isLate: limiter.waiting === 0 && limiter.active < limiter.width,
          mayAsk: lane.mayRequest,
        },
      );
      for (const [flow] of running) {
        if (!found.includes(flow.id)) continue;
        const how = flow.setupMs === undefined ? 'silent' : 'slow';
        lane.meet(how);
        flow.restart(gaveUp(how));
      }
    }
  }

  #stragglersOf(lane: Lane): Stragglers {
    const known = this.#stragglers.get(lane) ?? new Stragglers();
    this.#stragglers.set(lane, known);
    return known;
  }

  #runner(flow: Flow, range: OpenRange, now: number): Runner {
    const registry = this.#moves.get(flow)?.registry;
    const isLost = registry !== undefined && !this.mayRange(registry);
    const unansweredMs = flow.unansweredFor(now);
    return {
      ...range,
      lostBytes: isLost ? flow.offset : 0,
      unansweredSeconds: unansweredMs === undefined ? undefined : unansweredMs / 1000,
    };
  }
}

function setupSeconds({ fastestAnswerMs }: Lane): number {
  return (fastestAnswerMs ?? ASSUMED_SETUP_MS) / 1000;
}

/** The cut range as both its parts, so that one look at the flows serves for several cuts. */
function halves(
  range: OpenRange | undefined,
  { keptBytes, stolenBytes }: { keptBytes: number; stolenBytes: number },
): OpenRange[] {
  if (range === undefined) return [];
  const thief = { ...range, id: -range.id, remainingBytes: stolenBytes, divisible: false };
  return [{ ...range, remainingBytes: keptBytes }, thief];
}

/** A server that queues what is above its limit shows in flows that stand while others move. */
function countSilent(flows: readonly Flow[], lane: Lane, now: number): number {
  const open = flows.filter((flow) => flow.lane === lane && flow.setupMs !== undefined);
  const quiet = open.filter(({ lastByteAt }) => now - lastByteAt >= QUIET_MS).length;
  return quiet === open.length ? 0 : quiet;
}

function secondsLeft({ remainingBytes, bytesPerSecond = 0 }: OpenRange): number {
  return remainingBytes / Math.max(1, bytesPerSecond);
}

function gaveUp(how: 'silent' | 'slow' | 'surplus'): LongshoreError {
  return new LongshoreError(`The connection was ${how} while others moved`, {
    code: 'ERR_STALLED',
    origin: 'network',
    retryable: true,
  });
}
