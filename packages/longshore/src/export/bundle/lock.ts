import { LongshoreError } from '../../errors.ts';
import { type Descriptor, isDigest } from '../../image/index.ts';

/** A reference and what it led to when the lock was written. */
export interface LockedImage {
  /** As the list had it. */
  readonly reference: string;
  readonly descriptor: Descriptor;
}

/**
 * The text of a lock file: a list of references that can lead to one thing only, one a line. Every
 * command that reads a list reads it.
 */
export function formatLock(images: readonly LockedImage[]): string {
  return images.map((image) => `${pinnedReference(image)}\n`).join('');
}

/**
 * `debian:12@sha256:...`. The name stays as the list has it, since workflow engines make file names
 * from text.
 */
function pinnedReference({ reference, descriptor }: LockedImage): string {
  return reference.includes('@') ? reference : `${reference}@${descriptor.digest}`;
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
