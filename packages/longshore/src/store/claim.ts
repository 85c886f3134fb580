import { setTimeout as sleep } from 'node:timers/promises';
import { LongshoreError } from '../errors.ts';
import { digestOf } from '../image/index.ts';
import type { LeaseKeeper } from './leaseKeeper.ts';
import { LeaseWatch } from './leaseRecord.ts';
import type { Claim } from './types.ts';

const GAP_MS = 500;

/**
 * Holds a name that is no blob's for this process alone, by the same leases. Who holds it on this
 * machine is told at once; a holder elsewhere is given up only after it has been silent for so long
 * that a blob's would be.
 */
export async function claimName(
  leases: LeaseKeeper,
  name: string,
  { staleMs, signal }: { readonly staleMs: number; readonly signal: AbortSignal | undefined },
): Promise<Claim> {
  // No blob has this digest, unless somebody stores these very words; then it waits, and no more.
  const key = digestOf(Buffer.from(`claim of ${name}`));
  const watch = new LeaseWatch(staleMs);
  for (let waitedMs = 0; ; waitedMs += GAP_MS) {
    signal?.throwIfAborted();
    const attempt = await leases.attempt(key, watch);
    const { lease } = attempt;
    if (lease !== undefined) {
      return { signal: lease.signal, release: () => lease.remove() };
    }
    if (waitedMs > staleMs + 2 * GAP_MS || (await leases.isHeldHere(key))) {
      throw heldElsewhere(name, attempt.heldBy);
    }
    await sleep(GAP_MS);
  }
}

function heldElsewhere(name: string, holder: string): LongshoreError {
  return new LongshoreError(`${name} is being worked on by ${holder}`, {
    code: 'ERR_CLAIMED',
    origin: 'store',
    hint: 'Wait until it has ended, or end it',
    retryable: true,
  });
}
