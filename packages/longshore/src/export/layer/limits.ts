import { LongshoreError } from '../../errors.ts';

/** What an image may ask for before it is refused. */
export interface LayerLimits {
  /**
   * Entries over all layers, implied directories included.
   * @defaultValue 4,000,000
   */
  readonly maxEntries?: number | undefined;
  /**
   * Bytes over all layers once unpacked, holes of sparse files counted.
   * @defaultValue 1 TiB
   */
  readonly maxBytes?: number | undefined;
  /**
   * Unpacked bytes for each stored byte, over all layers; looked at once over 1 GiB is unpacked.
   * Deflate cannot pass 1032; system images are near 3, sparse databases near 50.
   * @defaultValue 200
   */
  readonly maxRatio?: number | undefined;
  /**
   * Bytes that names, link targets and extended attributes may take in memory.
   * @defaultValue 512 MiB
   */
  readonly maxNameBytes?: number | undefined;
}

/** Ratios say nothing about small images: a gigabyte is harmless, whatever it came from. */
const RATIO_FLOOR_BYTES = 1024 ** 3;

/** Keeps account of one image against its limits; shared by all its layers. */
export class LayerBudget {
  readonly #limits: Required<{ [K in keyof LayerLimits]: number }>;
  readonly #storedBytes: number;
  #entries = 0;
  #bytes = 0;
  #nameBytes = 0;

  /** @param storedBytes of all layers together, as the manifest gives them */
  constructor(limits: LayerLimits, storedBytes: number) {
    this.#limits = {
      maxEntries: limits.maxEntries ?? 4_000_000,
      maxBytes: limits.maxBytes ?? 1024 ** 4,
      maxRatio: limits.maxRatio ?? 200,
      maxNameBytes: limits.maxNameBytes ?? 512 * 1024 ** 2,
    };
    this.#storedBytes = storedBytes;
  }

  get maxEntries(): number {
    return this.#limits.maxEntries;
  }

  /** @throws LongshoreError `ERR_LIMIT_ENTRIES` */
  addEntries(count: number): void {
    this.#entries += count;
    if (this.#entries > this.#limits.maxEntries) throw tooManyEntries(this.#limits.maxEntries);
  }

  /** @throws LongshoreError `ERR_LIMIT_NAMES` */
  addNames(bytes: number): void {
    this.#nameBytes += bytes;
    if (this.#nameBytes <= this.#limits.maxNameBytes) return;
    throw limit('NAMES', `its names and attributes are over ${this.#limits.maxNameBytes} bytes`);
  }

  /** @throws LongshoreError `ERR_LIMIT_BYTES`, `ERR_LIMIT_RATIO` */
  addBytes(count: number): void {
    this.#bytes += count;
    const { maxBytes, maxRatio } = this.#limits;
    if (this.#bytes > maxBytes) throw limit('BYTES', `it unpacks to over ${maxBytes} bytes`);
    if (this.#bytes > RATIO_FLOOR_BYTES && this.#bytes > maxRatio * this.#storedBytes) {
      throw limit('RATIO', `it unpacks to over ${maxRatio} times its size`);
    }
  }
}

/** @internal */
export function tooManyEntries(maximum: number): LongshoreError {
  return limit('ENTRIES', `it has over ${maximum} entries`);
}

function limit(name: string, reason: string): LongshoreError {
  return new LongshoreError(`The image is refused: ${reason}`, {
    code: `ERR_LIMIT_${name}`,
    origin: 'input',
    hint: 'If you trust the image, raise the limit (on the command line by --unpack-limit NAME=VALUE); else take it for an attack',
  });
}
