import type { FaultEffects, FaultMatch, FaultRule, Faults, RequestKind } from './faults.ts';
import { createRandom } from './random.ts';
import { type BodyLimits, Bucket, Crowd } from './shaper.ts';

/** What rules look at. */
export interface RequestFacts {
  readonly method: string;
  readonly kind: RequestKind;
  readonly repository?: string | undefined;
  readonly digest?: string | undefined;
  readonly reference?: string | undefined;
}

export interface Decision {
  readonly effects: FaultEffects;
  readonly limits: BodyLimits;
  /** To be called once when the request has been answered. */
  done(): void;
}

/** One set of faults at work: the counters of its rules and what their bodies share. */
export class FaultRules {
  readonly #rules: readonly RuleState[];

  /** @param now seconds, for `abovePerSecond` */
  constructor(faults: Faults, now: () => number) {
    const { rules = [], seed = 1, ...everywhere } = faults;
    const random = createRandom(seed);
    this.#rules = [everywhere, ...rules].map((rule) => new RuleState(rule, now, random));
  }

  decide(facts: RequestFacts): Decision {
    const fitting = this.#rules.filter((rule) => fits(rule.match, facts));
    const chosen = fitting.filter((rule) => rule.enter());
    const done = (): void => {
      for (const rule of fitting) rule.leave();
    };
    return { ...resolve(chosen), done };
  }

  /** The limits of a body that is under way since before these faults were set. */
  limitsFor(facts: RequestFacts): BodyLimits {
    return resolve(this.#rules.filter((rule) => !rule.counts && fits(rule.match, facts))).limits;
  }
}

function resolve(rules: readonly RuleState[]): Pick<Decision, 'effects' | 'limits'> {
  const effects: FaultEffects = Object.assign({}, ...rules.map((rule) => rule.effects));
  const total = rules.findLast((rule) => rule.effects.totalBytesPerSecond !== undefined)?.total;
  const crowd = rules.findLast((rule) => rule.effects.crowd !== undefined)?.crowd;
  return { effects, limits: { bytesPerSecond: effects.bytesPerSecond, total, crowd } };
}

class RuleState {
  readonly match: FaultMatch;
  readonly effects: FaultEffects;
  readonly total: Bucket | undefined;
  readonly crowd: Crowd | undefined;
  /** True when the rule picks among the requests that fit it. */
  readonly counts: boolean;
  readonly #allowance: Allowance | undefined;
  readonly #random: () => number;
  #seen = 0;
  #inFlight = 0;

  constructor(rule: FaultRule, now: () => number, random: () => number) {
    const { on = {}, ...effects } = rule;
    this.match = on;
    this.effects = effects;
    this.total =
      effects.totalBytesPerSecond === undefined
        ? undefined
        : new Bucket(effects.totalBytesPerSecond);
    this.crowd = effects.crowd === undefined ? undefined : new Crowd(effects.crowd);
    this.#allowance =
      on.abovePerSecond === undefined ? undefined : new Allowance(on.abovePerSecond, now);
    this.#random = random;
    this.counts = PICKERS.some((name) => on[name] !== undefined);
  }

  /** Counts a request that fits, and tells whether the rule acts on it. */
  enter(): boolean {
    this.#seen += 1;
    this.#inFlight += 1;
    const { nth, first, every, probability, aboveInFlight } = this.match;
    const seen = this.#seen;
    const picked =
      (nth === undefined || includes(nth, seen)) &&
      (first === undefined || seen <= first) &&
      (every === undefined || seen % every === 0) &&
      (aboveInFlight === undefined || this.#inFlight > aboveInFlight) &&
      (probability === undefined || this.#random() < probability);
    return picked && (this.#allowance === undefined || !this.#allowance.take());
  }

  leave(): void {
    this.#inFlight -= 1;
  }
}

const PICKERS = [
  'nth',
  'first',
  'every',
  'probability',
  'aboveInFlight',
  'abovePerSecond',
] as const;

/** Requests a second, with one second's worth of burst. */
class Allowance {
  readonly #perSecond: number;
  readonly #now: () => number;
  #tokens: number;
  #last: number;

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#tokens = Math.max(1, perSecond);
    this.#last = now();
  }

  take(): boolean {
    const now = this.#now();
    const gained = (now - this.#last) * this.#perSecond;
    this.#tokens = Math.min(Math.max(1, this.#perSecond), this.#tokens + gained);
    this.#last = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Whether the part of a matcher that does not count fits a request. */
function fits(match: FaultMatch, facts: RequestFacts): boolean {
  const { method, kind, repository, digest, reference } = match;
  return (
    (method === undefined || includes(method, facts.method)) &&
    (kind === undefined || includes(kind, facts.kind)) &&
    (repository === undefined || fitsName(repository, facts.repository)) &&
    (digest === undefined || digest === facts.digest) &&
    (reference === undefined || reference === facts.reference)
  );
}

function fitsName(wanted: string | RegExp, name: string | undefined): boolean {
  if (typeof wanted === 'string') return wanted === name;
  // A global or sticky expression would remember where it stopped.
  return name !== undefined && name.search(wanted) >= 0;
}

function includes<T extends string | number>(wanted: T | readonly T[], found: T): boolean {
  return typeof wanted === 'object' ? wanted.includes(found) : wanted === found;
}
