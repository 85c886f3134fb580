import { setTimeout as sleep } from 'node:timers/promises';
import type { Descriptor } from '../image/index.ts';
import type { FileIngest } from './fileIngest.ts';
import { readIngestRecords } from './ingestFolder.ts';
import { ingestFolder } from './layout.ts';
import type { GrantedLease, LeaseKeeper } from './leaseKeeper.ts';
import { LeaseWatch } from './leaseRecord.ts';
import { type IngestContext, type IngestListeners, openIngest } from './openIngest.ts';
import type { IngestOptions } from './types.ts';

const FIRST_GAP_MS = 20;
const LONGEST_GAP_MS = 500;
const GAP_GROWTH = 1.5;

export interface WaitNeeds extends IngestListeners {
  readonly context: IngestContext;
  readonly leases: LeaseKeeper;
  readonly staleMs: number;
  readonly has: () => Promise<boolean>;
}

/**
 * Gets the lease on a blob and opens it, or waits while another holds it: until the blob is there
 * (`undefined`), its holder has let go, or its holder is gone.
 */
export async function waitForIngest(
  needs: WaitNeeds,
  descriptor: Descriptor,
  options: IngestOptions,
): Promise<FileIngest | undefined> {
  const watch = new LeaseWatch(needs.staleMs);
  const { signal } = options;
  let told = false;
  for (let gapMs = FIRST_GAP_MS; ; gapMs = Math.min(gapMs * GAP_GROWTH, LONGEST_GAP_MS)) {
    signal?.throwIfAborted();
    if (await needs.has()) return undefined;
    const attempt = await needs.leases.attempt(descriptor.digest, watch);
    if (attempt.lease !== undefined) return openUnlessDone(needs, descriptor, { attempt, options });
    if (!told) options.onWait?.(attempt.heldBy);
    told = true;
    if (options.onWaitProgress !== undefined) {
      options.onWaitProgress(await bytesNoted(needs.context, descriptor));
    }
    await sleep(gapMs, undefined, signal === undefined ? {} : { signal }).catch(
      (error: unknown) => {
        signal?.throwIfAborted();
        throw error;
      },
    );
  }
}

/** The blob may have been finished between looking and getting the lease. */
async function openUnlessDone(
  needs: WaitNeeds,
  descriptor: Descriptor,
  how: { readonly attempt: GrantedLease; readonly options: IngestOptions },
): Promise<FileIngest | undefined> {
  const { lease } = how.attempt;
  let done: boolean;
  try {
    done = await needs.has();
  } catch (error) {
    await lease.free();
    throw error;
  }
  if (done) {
    await lease.remove();
    return undefined;
  }
  const { onEnd, onGrowth } = needs;
  const options = { ...how.options, onEnd, onGrowth };
  return openIngest(needs.context, descriptor, how.attempt, options);
}

/** What the holder has noted by now; only told, never relied on. */
async function bytesNoted({ layout }: IngestContext, descriptor: Descriptor): Promise<number> {
  const records = await readIngestRecords(ingestFolder(layout, descriptor.digest));
  return Math.max(0, ...records.map(({ pieces }) => pieces.clippedTo(descriptor.size).bytes));
}
