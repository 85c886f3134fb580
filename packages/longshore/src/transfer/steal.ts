/**
 * Which piece of which blob an idle permit should take over. Data in, data out: the engine keeps the
 * sockets, these functions only look at what is left.
 *
 * Nothing is split up front. Splitting costs a request, and where the link or the processor is the
 * limit it saves nothing; it pays at the tail, when permits are idle and a fat blob is still
 * running. See `docs/adaptive.md` for the measured effect.
 */

/** A piece of a blob that a flow is fetching now. */
export interface OpenRange {
  /** Any name that is unique among the ranges of one call. */
  readonly id: number;
  /** Ranges of the same blob carry the same value. */
  readonly blob: string;
  /** Bytes of this range that have not arrived. */
  readonly remainingBytes: number;
  /** Rate of this flow lately; `undefined` while it has none worth trusting. */
  readonly bytesPerSecond: number | undefined;
  /**
   * `false` while the server has not proved that it serves ranges of this blob (no valid 206 yet),
   * or after it answered 200 to a range request.
   */
  readonly divisible: boolean;
}

export interface StealLimits {
  /**
   * Smallest piece worth a request of its own. The literature's 8 MiB is right for metered object
   * stores; here a range request costs under a millisecond of processor time, and with 8 MiB the
   * last pieces of a 200 MB layer at 20 MB/s per connection idle most permits for 0.8 s.
   * @defaultValue 1 MiB
   */
  readonly minPieceBytes?: number;
  /**
   * Ranges of one blob that may be open at once.
   * @defaultValue 32
   */
  readonly maxRangesPerBlob?: number;
  /**
   * What a steal has to save beyond two more set-ups, in seconds.
   * @defaultValue 0.1
   */
  readonly minSavingSeconds?: number;
}

export interface StealState {
  readonly ranges: readonly OpenRange[];
  /** From sending a request to the first byte of its body, as measured on this origin. */
  readonly setupSeconds: number;
  /** Bytes per second over all flows now. */
  readonly goodputBytesPerSecond?: number | undefined;
  /**
   * What the link or the processor gives at most, once the controller knows it. While goodput is
   * within a tenth of it nothing is split.
   */
  readonly capacityBytesPerSecond?: number | undefined;
}

/** Cut `stolenBytes` off the end of range `id`; the flow that has it keeps `keptBytes`. */
export interface Steal {
  readonly id: number;
  readonly keptBytes: number;
  readonly stolenBytes: number;
  /** How much sooner this range ends. */
  readonly savingSeconds: number;
}

const DEFAULTS: Required<StealLimits> = {
  minPieceBytes: 1024 * 1024,
  maxRangesPerBlob: 32,
  minSavingSeconds: 0.1,
};
const SATURATED = 0.9;

/**
 * Picks the range whose end is furthest away and cuts its tail so that owner and thief would end
 * together: half of it when both are equally fast.
 * @returns `undefined` when no cut pays
 */
export function chooseSteal(state: StealState, limits: StealLimits = {}): Steal | undefined {
  const bounds = { ...DEFAULTS, ...limits };
  if (isSaturated(state)) return undefined;
  const typical = medianRate(state.ranges);
  const perBlob = countByBlob(state.ranges);
  let best: Steal | undefined;
  let latest = Number.NEGATIVE_INFINITY;
  for (const range of state.ranges) {
    if (!range.divisible || (perBlob.get(range.blob) ?? 0) >= bounds.maxRangesPerBlob) continue;
    const rate = range.bytesPerSecond ?? typical;
    const end =
      rate === undefined || rate <= 0 ? range.remainingBytes : range.remainingBytes / rate;
    if (end <= latest) continue;
    const cut = cutTail(range.remainingBytes, {
      rate,
      thiefRate: typical ?? rate,
      setupSeconds: state.setupSeconds,
      ...bounds,
    });
    if (cut === undefined) continue;
    latest = end;
    best = { id: range.id, ...cut };
  }
  return best;
}

interface CutOptions extends Required<StealLimits> {
  readonly rate: number | undefined;
  readonly thiefRate: number | undefined;
  readonly setupSeconds: number;
}

function cutTail(remaining: number, options: CutOptions): Omit<Steal, 'id'> | undefined {
  const { setupSeconds, minPieceBytes } = options;
  const rate = atLeastOne(options.rate);
  const thiefRate = atLeastOne(options.thiefRate);
  const piece = Math.max(minPieceBytes, Math.ceil(4 * (thiefRate ?? 0) * setupSeconds));
  if (remaining < 2 * piece) return undefined;
  if (rate === undefined || thiefRate === undefined) {
    const stolenBytes = Math.floor(remaining / 2);
    return { keptBytes: remaining - stolenBytes, stolenBytes, savingSeconds: 0 };
  }
  const balanced = (remaining / rate - setupSeconds) / (1 / rate + 1 / thiefRate);
  const stolenBytes = Math.floor(Math.min(remaining - minPieceBytes, Math.max(piece, balanced)));
  const keptBytes = remaining - stolenBytes;
  const end = Math.max(keptBytes / rate, setupSeconds + stolenBytes / thiefRate);
  const savingSeconds = remaining / rate - end;
  if (savingSeconds <= 2 * setupSeconds + options.minSavingSeconds) return undefined;
  return { keptBytes, stolenBytes, savingSeconds };
}

/** A flow that stands still would end never: divide by one byte per second instead. */
function atLeastOne(rate: number | undefined): number | undefined {
  return rate === undefined ? undefined : Math.max(1, rate);
}

function isSaturated(state: StealState): boolean {
  const { goodputBytesPerSecond: goodput, capacityBytesPerSecond: capacity } = state;
  return goodput !== undefined && capacity !== undefined && goodput >= SATURATED * capacity;
}

/** Of those that have a rate. */
export function medianRate(
  ranges: readonly Pick<OpenRange, 'bytesPerSecond'>[],
): number | undefined {
  const rates = ranges.flatMap(({ bytesPerSecond }) =>
    bytesPerSecond === undefined || bytesPerSecond <= 0 ? [] : [bytesPerSecond],
  );
  rates.sort((a, b) => a - b);
  return rates[rates.length >> 1];
}

function countByBlob(ranges: readonly OpenRange[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { blob } of ranges) counts.set(blob, (counts.get(blob) ?? 0) + 1);
  return counts;
}
