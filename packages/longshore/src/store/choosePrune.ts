import type { Digest } from '../image/index.ts';

/** A reference as the choice needs it. */
export interface PruneCandidate {
  readonly name: string;
  readonly usedAtMs: number;
  /** Everything that it reaches and that is there, with sizes. */
  readonly blobs: ReadonlyMap<Digest, number>;
}

export interface PruneLimits {
  readonly maxSizeBytes: number | undefined;
  readonly unusedForMs: number | undefined;
  readonly nowMs: number;
  /** References used at or after this moment stay, whatever the limits say. */
  readonly protectedFromMs: number;
}

export interface ChosenReference {
  readonly name: string;
  readonly usedAtMs: number;
  readonly reason: 'unused' | 'size';
}

/**
 * Which references go: first those unused for too long, then the least recently used until what the rest
 * needs fits. Blobs that several references share count once, and go with the last of them.
 */
export function chooseReferences(
  candidates: readonly PruneCandidate[],
  limits: PruneLimits,
): ChosenReference[] {
  const { maxSizeBytes, unusedForMs, nowMs, protectedFromMs } = limits;
  const users = new Map<Digest, number>();
  let bytes = 0;
  for (const { blobs } of candidates) {
    for (const [digest, size] of blobs) {
      const count = users.get(digest) ?? 0;
      if (count === 0) bytes += size;
      users.set(digest, count + 1);
    }
  }
  const chosen: ChosenReference[] = [];
  const oldestFirst = [...candidates].sort(
    (a, b) => a.usedAtMs - b.usedAtMs || (a.name < b.name ? -1 : 1),
  );
  for (const { name, usedAtMs, blobs } of oldestFirst) {
    if (usedAtMs >= protectedFromMs) break;
    const unused = unusedForMs !== undefined && nowMs - usedAtMs > unusedForMs;
    const tooMuch = maxSizeBytes !== undefined && bytes > maxSizeBytes;
    if (!unused && !tooMuch) break;
    for (const [digest, size] of blobs) {
      const count = (users.get(digest) ?? 0) - 1;
      users.set(digest, count);
      if (count === 0) bytes -= size;
    }
    chosen.push({ name, usedAtMs, reason: unused ? 'unused' : 'size' });
  }
  return chosen;
}
