import type { Direction, ProbeResult } from './elasticProbe.ts';
import type { ElasticSample } from './elasticTypes.ts';

/** What bounded a run. */
export type Bound =
  | 'link'
  | 'server'
  | 'per-connection cap'
  | 'cpu: hash'
  | 'disk'
  | 'rate limit'
  | 'limit-rate'
  | 'too little work';

/** Why a run settled where it did: the bound, and the numbers that say so. */
export interface Verdict {
  readonly bound: Bound;
  /** Width it settled at. */
  readonly width: number;
  /** Average number of flows over the time in which any was open. */
  readonly averageFlows: number;
  /** Bytes per second over the time in which any flow was open. */
  readonly bytesPerSecond: number;
  readonly bytesPerSecondPerFlow: number;
  readonly seconds: number;
  readonly evidence: VerdictEvidence;
}

/** Parts are of the time in which flows were open, 0 to 1. */
export interface VerdictEvidence {
  /** Part of the time in which there was less to do than the width allowed. */
  readonly idlePart: number;
  /** Part of the time in which the processor or the thread that hashes was full. */
  readonly cpuPart: number;
  /** Part of the time in which writes were waited for. */
  readonly diskPart: number;
  /** Part of the time in which the user's limit held bytes back. */
  readonly limitPart: number;
  /** Part of the time of all flows that they stood without a byte while others moved. */
  readonly silentPart: number;
  readonly refusals: number;
  readonly breaks: number;
  /** The widest the server allowed after refusals; `undefined` when it refused nothing. */
  readonly ceiling?: number | undefined;
  /** Requests had to be spaced out. */
  readonly paced: boolean;
  /** The widest the user allowed, when the controller stood there. */
  readonly atMaximum: boolean;
  /** Elasticity of goodput above the settled width, with its standard error; from the last probe up. */
  readonly above?: Elasticity | undefined;
  /** The same below it; from the last probe down. */
  readonly below?: Elasticity | undefined;
}

export interface Elasticity {
  readonly low: number;
  readonly high: number;
  readonly value: number;
  readonly standardError: number;
}

const BUSY = 0.9;
/** A run that is over sooner says nothing about what it ran on. */
const JUDGED_MS = 1000;
const MOSTLY = 0.4;

/** Full processor: the loop, the thread that hashes, or nearly all cores. */
function isCpuBound(sample: ElasticSample): boolean {
  return (
    (sample.loopBusy ?? 0) > BUSY || (sample.hashBusy ?? 0) > BUSY || (sample.cpuBusy ?? 0) > 0.85
  );
}

/** The user's own limit holds bytes back. */
export function isLimited({ limitBusy = 0 }: ElasticSample): boolean {
  return limitBusy > BUSY;
}

/** More flows bring nothing, whatever the server: the processor is full, or the user's limit holds. */
export function isFullHere(sample: ElasticSample): boolean {
  return isCpuBound(sample) || isLimited(sample);
}

/** Whether it was this machine, or what it was told, and not the way to the server. */
export function isOurOwn(bound: Bound): boolean {
  return bound === 'cpu: hash' || bound === 'disk' || bound === 'limit-rate';
}

/** What the verdict is drawn from, added up sample by sample. */
export class Tally {
  #ms = 0;
  #flowMs = 0;
  #bytes = 0;
  #idleMs = 0;
  #cpuMs = 0;
  #diskMs = 0;
  #limitMs = 0;
  #silentMs = 0;
  #breaks = 0;
  #above: Elasticity | undefined;
  #below: Elasticity | undefined;

  add(sample: ElasticSample, elapsedMs: number, idle: boolean): void {
    const bytes = sample.bytes + (sample.besideBytes ?? 0);
    if (sample.active === 0 && bytes === 0) return;
    this.#ms += elapsedMs;
    this.#flowMs += sample.active * elapsedMs;
    this.#bytes += bytes;
    this.#breaks += sample.breaks ?? 0;
    this.#silentMs += (sample.silent ?? 0) * elapsedMs;
    if (idle) this.#idleMs += elapsedMs;
    if (isCpuBound(sample)) this.#cpuMs += elapsedMs;
    if ((sample.sinkBusy ?? 0) > BUSY) this.#diskMs += elapsedMs;
    if (isLimited(sample)) this.#limitMs += elapsedMs;
  }

  /** Books a doubling of the start, or a probe. */
  elasticity(direction: Direction, seen: Elasticity): void {
    if (direction > 0) this.#above = weigh(this.#above, seen);
    else this.#below = weigh(this.#below, seen);
  }

  probe(direction: Direction, result: ProbeResult): void {
    const { low, high, elasticity: value, standardError } = result;
    this.elasticity(direction, { low, high, value, standardError });
  }

  verdict(now: {
    readonly width: number;
    /** What the last doubling brought, for a run that ended while still starting. */
    readonly doubling?: Elasticity | undefined;
    readonly max: number;
    readonly ceiling: number;
    readonly refusals: number;
    readonly paced: boolean;
  }): Verdict {
    const ms = Math.max(1, this.#ms);
    const evidence: VerdictEvidence = {
      idlePart: this.#idleMs / ms,
      cpuPart: this.#cpuMs / ms,
      diskPart: this.#diskMs / ms,
      limitPart: this.#limitMs / ms,
      silentPart: this.#silentMs / Math.max(1, this.#flowMs),
      refusals: now.refusals,
      breaks: this.#breaks,
      ceiling: now.refusals > 0 ? now.ceiling : undefined,
      paced: now.paced,
      atMaximum: now.width >= now.max,
      above: this.#above,
      below: this.#below ?? now.doubling,
    };
    return {
      bound: ms < JUDGED_MS ? 'too little work' : nameBound(evidence, now.width),
      width: now.width,
      averageFlows: this.#flowMs / ms,
      bytesPerSecond: (this.#bytes * 1000) / ms,
      bytesPerSecondPerFlow: (this.#bytes * 1000) / Math.max(1, this.#flowMs),
      seconds: this.#ms / 1000,
      evidence,
    };
  }
}

/** Newer probes count for more, and so do clearer ones. */
function weigh(before: Elasticity | undefined, seen: Elasticity): Elasticity {
  if (before === undefined) return seen;
  const old = 0.5 / before.standardError ** 2;
  const recent = 1 / seen.standardError ** 2;
  return {
    ...seen,
    value: (old * before.value + recent * seen.value) / (old + recent),
    standardError: 1 / Math.sqrt(old + recent),
  };
}

/**
 * Causes that leave a mark of their own go first. What is left is told by elasticity: goodput that
 * falls when flows are added is a server in trouble (a link shares, it does not shrink); goodput
 * that stays is a full link; goodput that still grows at the widest allowed is a cap per connection.
 */
function nameBound(evidence: VerdictEvidence, width: number): Bound {
  const { above, below } = evidence;
  if (evidence.limitPart > MOSTLY) return 'limit-rate';
  if (evidence.cpuPart > MOSTLY) return 'cpu: hash';
  if (evidence.diskPart > MOSTLY) return 'disk';
  const heldDown = evidence.ceiling !== undefined && width >= evidence.ceiling - 1;
  if (evidence.paced || heldDown) return 'rate limit';
  if (evidence.idlePart > 0.5) return 'too little work';
  if (evidence.breaks > 2 || evidence.silentPart > 0.01) return 'server';
  if (above !== undefined && above.value + 2 * above.standardError < -0.1) return 'server';
  if (above !== undefined && above.value < 0.3) return 'link';
  if (evidence.atMaximum && (below === undefined || below.value > 0.5)) return 'per-connection cap';
  if (above === undefined && below === undefined) return 'too little work';
  if (above !== undefined || (below !== undefined && below.value > 0.5))
    return 'per-connection cap';
  return 'link';
}
