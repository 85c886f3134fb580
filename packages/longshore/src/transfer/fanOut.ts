import type { Limiter } from '../concurrency/index.ts';
import { LongshoreError } from '../errors.ts';
import type { Flow } from './flow.ts';
import type { BlobMove, FlowTable } from './moveBlob.ts';
import { chooseSteal, findStragglers, type OpenRange, type SlowSince } from './steal.ts';

/** A connection is cut after this much silence when others have moved in the meantime. */
const SILENT_MS = 8000;
/** Used until a response head has been timed. */
const ASSUMED_SETUP_SECONDS = 0.05;

export interface FanOutOptions {
  readonly limiterFor: (registry: string) => Limiter;
  readonly now: () => number;
  /** Off for `--serial`: whole layers only. */
  readonly split: boolean;
  /** What no further connection can raise, once that is known. */
  readonly capacityBytesPerSecond?: (registry: string) => number | undefined;
}

/**
 * Gives idle permits something to do: the tail of whichever blob would end last. Nothing is split
 * while a blob waits for a permit, and nothing before the server has shown that ranges work. Also
 * cuts connections that went silent or crawl while others move; that costs the blob no retry.
 */
export class FanOut implements FlowTable {
  readonly #options: FanOutOptions;
  readonly #moves = new Map<Flow, BlobMove>();
  readonly #whole = new Set<string>();
  #ids = 0;
  #slowSince: SlowSince = new Map();
  #setupSeconds = ASSUMED_SETUP_SECONDS;

  constructor(options: FanOutOptions) {
    this.#options = options;
  }

  nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  add(flow: Flow, move: BlobMove): void {
    this.#moves.set(flow, move);
  }

  delete(flow: Flow): void {
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

  /** Call it often: a few dozen times a second while blobs move. */
  tick(): void {
    const now = this.#options.now();
    const flows = [...this.#moves.keys()];
    this.#measureSetup(flows);
    const ranges = new Map(flows.map((flow) => [flow, flow.openRange(now)]));
    this.#cutTheSilent(flows, now);
    this.#cutTheSlow(ranges, now);
    for (const registry of new Set(Array.from(this.#moves.values(), (move) => move.registry))) {
      this.#spread(registry, ranges);
    }
  }

  #spread(registry: string, all: ReadonlyMap<Flow, OpenRange>): void {
    if (!this.maySplit(registry)) return;
    const limiter = this.#options.limiterFor(registry);
    const flows = new Map<number, Flow>();
    const ranges: OpenRange[] = [];
    for (const [flow, range] of all) {
      if (this.#moves.get(flow)?.registry !== registry || flow.restarted) continue;
      flows.set(flow.id, flow);
      ranges.push(range);
    }
    const goodput = ranges.reduce((sum, { bytesPerSecond = 0 }) => sum + bytesPerSecond, 0);
    const capacity = this.#options.capacityBytesPerSecond?.(registry);
    while (limiter.waiting === 0 && limiter.active < limiter.width) {
      const steal = chooseSteal({
        ranges,
        setupSeconds: this.#setupSeconds,
        goodputBytesPerSecond: goodput,
        capacityBytesPerSecond: capacity,
      });
      const flow = steal === undefined ? undefined : flows.get(steal.id);
      const move = flow === undefined ? undefined : this.#moves.get(flow);
      if (steal === undefined || flow === undefined || move === undefined) return;
      const permit = limiter.tryAcquire();
      if (permit === undefined) return;
      move.help(flow.cut(steal.keptBytes), permit);
      const cut = ranges.findIndex(({ id }) => id === steal.id);
      ranges.splice(cut, 1, ...halves(ranges[cut], steal));
    }
  }

  /** Nothing at all moving is an outage, not a bad connection: then the registry's own limit rules. */
  #cutTheSilent(flows: readonly Flow[], now: number): void {
    const moving = flows.some(({ lastByteAt }) => now - lastByteAt < SILENT_MS / 4);
    if (!moving) return;
    for (const flow of flows) {
      if (!flow.restarted && now - flow.lastByteAt > SILENT_MS) flow.restart(gaveUp('silent'));
    }
  }

  #cutTheSlow(ranges: ReadonlyMap<Flow, OpenRange>, now: number): void {
    const found = findStragglers(this.#slowSince, [...ranges.values()], {
      setupSeconds: this.#setupSeconds,
      atSeconds: now / 1000,
    });
    this.#slowSince = found.slowSince;
    for (const flow of ranges.keys()) {
      if (found.restart.includes(flow.id)) flow.restart(gaveUp('slow'));
    }
  }

  #measureSetup(flows: readonly Flow[]): void {
    const times = flows.flatMap(({ setupMs }) => (setupMs === undefined ? [] : [setupMs]));
    times.sort((a, b) => a - b);
    const median = times[times.length >> 1];
    if (median !== undefined) this.#setupSeconds = median / 1000;
  }
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

function gaveUp(how: 'silent' | 'slow'): LongshoreError {
  return new LongshoreError(`The connection was ${how} while others moved`, {
    code: 'ERR_STALLED',
    origin: 'network',
    retryable: true,
  });
}
