import { LongshoreError } from '../../errors.ts';
import {
  type Descriptor,
  formatReference,
  isDigest,
  parseReference,
  readDescriptor,
} from '../../image/index.ts';

/** A reference and what it led to when the lock was written. */
export interface LockedImage {
  /** As the list had it. */
  readonly reference: string;
  readonly descriptor: Descriptor;
}

/** What a list of references meant at one moment, so that it means the same elsewhere and later. */
export interface Lock {
  readonly images: readonly LockedImage[];
}

const VERSION = 1;

/**
 * Looks every reference up once.
 * @param resolve asks the registry what a reference leads to, and bounds how many it asks at once
 * @throws LongshoreError `ERR_REFERENCE_INVALID`, and what `resolve` throws
 */
export async function createLock(
  references: readonly string[],
  resolve: (reference: string) => Promise<Descriptor>,
): Promise<Lock> {
  const unique = [...new Set(references)];
  const images = await Promise.all(
    unique.map(async (reference) => {
      parseReference(reference);
      const { mediaType, digest, size } = await resolve(reference);
      return { reference, descriptor: { mediaType, digest, size } };
    }),
  );
  return { images };
}

/** The text of a lock file: JSON, one image a line, so that changes of it can be reviewed. */
export function formatLock(lock: Lock): string {
  const images = lock.images.map((image) => `    ${JSON.stringify(image)}`).join(',\n');
  return `{\n  "longshoreLock": ${VERSION},\n  "images": [\n${images}\n  ]\n}\n`;
}

/** @throws LongshoreError `ERR_LOCK_INVALID` */
export function parseLock(text: string): Lock {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (typeof value !== 'object' || value === null || !('longshoreLock' in value)) {
    throw invalid('it has no version');
  }
  if (value.longshoreLock !== VERSION) {
    throw invalid(`it is of version ${JSON.stringify(value.longshoreLock)}`);
  }
  if (!('images' in value) || !Array.isArray(value.images)) throw invalid('it lists no images');
  return { images: value.images.map(readImage) };
}

function readImage(value: unknown): LockedImage {
  if (typeof value !== 'object' || value === null || !('reference' in value)) {
    throw invalid('an image of it has no reference');
  }
  const { reference } = value;
  if (typeof reference !== 'string') throw invalid('an image of it has no reference');
  parseReference(reference);
  const descriptor = 'descriptor' in value ? value.descriptor : undefined;
  return { reference, descriptor: readDescriptor(descriptor, reference) };
}

/** A locked image as a reference that can lead to nothing else: `host/name:tag@sha256:...`. */
export function pinnedReference(image: LockedImage): string {
  const { digest } = image.descriptor;
  return formatReference({ ...parseReference(image.reference), digest });
}

/**
 * Reads what the other side has: digests, one a line; blank lines and `#` comments are left out.
 * @throws LongshoreError `ERR_INVENTORY_INVALID`
 */
export function parseInventory(text: string): Set<string> {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  const digests = lines.filter((line) => line !== '');
  const bad = digests.find((line) => !isDigest(line));
  if (bad === undefined) return new Set(digests);
  throw new LongshoreError(`Not an inventory: ${JSON.stringify(bad.slice(0, 100))} is no digest`, {
    code: 'ERR_INVENTORY_INVALID',
    origin: 'input',
    hint: 'An inventory lists digests, one a line; have the other side write it',
  });
}

function invalid(reason: string, cause?: unknown): LongshoreError {
  return new LongshoreError(`Not a lock file: ${reason}`, {
    code: 'ERR_LOCK_INVALID',
    origin: 'input',
    hint: 'Write it anew with `longshore lock`',
    cause,
  });
}
