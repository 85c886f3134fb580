import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Digest } from '../image/index.ts';
import type { RedirectFault } from './faults.ts';

const DEFAULT_TTL_SECONDS = 1200;

/**
 * The second origin, as a storage service behind a registry is one: it knows no users, only
 * addresses that carry a signature. It listens from the first redirect on.
 */
export class ContentOrigin {
  readonly #listen: () => Promise<string>;
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  readonly #used = new Set<string>();
  #url: Promise<string> | undefined;

  /**
   * @param listen starts the listener and gives its URL
   * @param now milliseconds since the epoch
   */
  constructor(listen: () => Promise<string>, now: () => number) {
    this.#listen = listen;
    this.#now = now;
  }

  /** An address that serves one blob to whoever has it. */
  async sign(digest: Digest, fault: RedirectFault): Promise<string> {
    this.#url ??= this.#listen();
    const expires = Math.floor(this.#now() + (fault.ttlSeconds ?? DEFAULT_TTL_SECONDS) * 1000);
    const once = fault.singleUse === true ? randomBytes(8).toString('hex') : '';
    const query = new URLSearchParams({
      expires: String(expires),
      once,
      signature: this.#signature(digest, String(expires), once),
    });
    return `${await this.#url}/content/${digest}?${query.toString()}`;
  }

  /** Whether an address is one of ours, in time and, where it matters, not used before. */
  admits(digest: string, query: URLSearchParams): boolean {
    const expires = query.get('expires') ?? '';
    const once = query.get('once') ?? '';
    const expected = Buffer.from(this.#signature(digest, expires, once));
    const given = Buffer.from(query.get('signature') ?? '');
    if (expected.byteLength !== given.byteLength || !timingSafeEqual(expected, given)) return false;
    if (Number(expires) <= this.#now()) return false;
    if (once === '') return true;
    const fresh = !this.#used.has(once);
    this.#used.add(once);
    return fresh;
  }

  #signature(digest: string, expires: string, once: string): string {
    return createHmac('sha256', this.#key).update(`${digest} ${expires} ${once}`).digest('hex');
  }
}
