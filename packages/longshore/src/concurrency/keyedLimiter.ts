import { Lane, Total } from './lane.ts';
import { DEFAULT_METADATA_WIDTH, LaneLimiter, type Limiter, type LimiterState } from './limiter.ts';
import { checkWidth } from './width.ts';

export interface KeyedLimiterOptions {
  /** What the total counts: `pushes in all`. */
  readonly name: string;
  /** How many bodies at once over all keys. */
  readonly width: number;
  /** How many bodies at once for one key, until its limiter is resized. */
  readonly keyWidth: number;
  /** Name of a key's limiter. @defaultValue name and key */
  readonly nameOf?: (key: string) => string;
  /** How many metadata requests at once for one key; the total does not count them. @defaultValue 8 */
  readonly metadataWidth?: number;
  readonly onChange?: (key: string, state: LimiterState) => void;
}

/** Limiters by key (a host, say) below one total. */
export interface KeyedLimiter {
  readonly name: string;
  /** The total. */
  readonly width: number;
  readonly active: number;
  readonly keys: readonly string[];
  /**
   * The limiter of one key, made on first use and the same one ever after. Its `acquire` takes the
   * key's slot and the total's in one step, so no one ever holds one while it waits for the other.
   */
  of(key: string): Limiter;
  /** Resizes the total. @throws LongshoreError `ERR_BAD_WIDTH` */
  resize(width: number): void;
  /** Closes every key's limiter, and those asked for later. */
  close(): void;
}

/**
 * Keyed limiters with a total above them. Among keys that have a slot, the order is that of
 * `acquire`: priority, turn, bytes, first come; a full key holds nobody else up.
 * @throws LongshoreError `ERR_BAD_WIDTH`
 */
export function createKeyedLimiter(options: KeyedLimiterOptions): KeyedLimiter {
  const total = new Total(options.name, options.width);
  const keyWidth = checkWidth(options.keyWidth, `width per key of ${options.name}`);
  const metadataWidth = checkWidth(
    options.metadataWidth ?? DEFAULT_METADATA_WIDTH,
    `metadata width of ${options.name}`,
  );
  const limiters = new Map<string, Limiter>();
  let closed = false;

  function create(key: string): Limiter {
    const name = options.nameOf?.(key) ?? `${options.name} (${key})`;
    const { onChange } = options;
    const limiter = new LaneLimiter(name, (changed) => ({
      body: new Lane(name, keyWidth, { total, changed }),
      metadata: new Lane(`metadata requests beside ${name}`, metadataWidth, { changed }),
      onChange: onChange && ((state) => onChange(key, state)),
    }));
    if (closed) limiter.close();
    return limiter;
  }

  return {
    name: options.name,
    get width() {
      return total.width;
    },
    get active() {
      return total.active;
    },
    get keys() {
      return [...limiters.keys()];
    },
    of(key) {
      let limiter = limiters.get(key);
      if (limiter === undefined) {
        limiter = create(key);
        limiters.set(key, limiter);
      }
      return limiter;
    },
    resize(width) {
      total.width = checkWidth(width, `width of ${total.name}`);
      total.grantAll();
    },
    close() {
      closed = true;
      for (const limiter of limiters.values()) limiter.close();
    },
  };
}
