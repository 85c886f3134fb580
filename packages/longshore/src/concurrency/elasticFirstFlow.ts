import type { ElasticRules } from './elasticRules.ts';
import type { ElasticSample } from './elasticTypes.ts';
import { isFullHere } from './elasticVerdict.ts';

/** What comes before a first body is a head, or a blob too small to tell anything. */
const BODY_BYTES = 64 * 1024;

/**
 * Near a server one flow goes first, and the others once it is seen not to fill the processor by
 * itself: where it does, more of them only get in its way (docs/adr/0025).
 */
export class FirstFlow {
  readonly #rules: ElasticRules;
  #isAlone = false;
  #waitedMs = 0;
  #bytes = 0;
  #movedMs: number | undefined;

  constructor(rules: ElasticRules) {
    this.#rules = rules;
  }

  begin(): void {
    this.#isAlone = true;
  }

  /** Something else decides from here on. */
  end(): void {
    this.#isAlone = false;
  }

  get isAlone(): boolean {
    return this.#isAlone;
  }

  /** Looks at it, while it is alone. True once others may join it; that is said once, or never. */
  take(sample: ElasticSample, elapsedMs: number): boolean {
    if (this.#movedMs === undefined) this.#waitedMs += elapsedMs;
    else this.#movedMs += elapsedMs;
    this.#bytes += sample.bytes;
    if (this.#bytes > BODY_BYTES) this.#movedMs ??= 0;
    const { aloneMs, aloneMostMs } = this.#rules;
    // Another server may serve the bytes, and that one may be far away.
    const isLate = this.#movedMs === undefined && this.#waitedMs >= aloneMostMs;
    if (!isLate && (this.#movedMs ?? 0) < aloneMs) return false;
    this.#isAlone = false;
    return isLate || !isFullHere(sample);
  }
}
