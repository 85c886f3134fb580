import type { Builder } from '../build/index.ts';
import { checkWidth } from '../concurrency/index.ts';
import type { Store } from '../store/index.ts';
import type { PusherOptions, RunOutcome, Settled } from '../transfer/index.ts';
import { BulkRun } from './bulkRun.ts';
import type { RunListener } from './events.ts';
import { openJournal } from './journal.ts';
import { countStates, type Ledger, type LedgerCounts, reopen, type TargetEntry } from './ledger.ts';
import type { StoredRun } from './runFolder.ts';
import { blobsOf } from './unpushed.ts';

/** Built and not pushed: enough for any push to have work, little enough for any disk. */
const HIGH_WATER_BYTES = 10e9;

export interface BulkOptions {
  readonly store: Store;
  readonly builder: Builder;
  /** Builds at once. */
  readonly builders: number;
  /** How to push; what the plan pushes needs it. */
  readonly push?:
    | Omit<PusherOptions, 'store' | 'onEvent' | 'drain' | 'signal' | 'now' | 'random'>
    | undefined;
  /**
   * Builds wait while more bytes than this are built and not up, until half of them are.
   * @defaultValue 10e9
   */
  readonly highWaterBytes?: number | undefined;
  /** Start nothing more after the first failure, and stop what runs. @defaultValue false */
  readonly failFast?: boolean | undefined;
  readonly onEvent?: RunListener | undefined;
  /** Aborted: no new build, builds are ended, uploads that have begun are finished. */
  readonly drain?: AbortSignal | undefined;
  /** Aborted: stop at once. */
  readonly signal?: AbortSignal | undefined;
  /** Clock in milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: (() => number) | undefined;
}

export interface TargetReport extends TargetEntry {
  /** Absolute path. */
  readonly log: string;
}

export interface RunResult {
  readonly run: string;
  readonly outcome: RunOutcome;
  /** In the order of the plan; every target of it, each in one state. */
  readonly targets: readonly TargetReport[];
  readonly counts: LedgerCounts;
  readonly sentBytes: number;
  readonly milliseconds: number;
  readonly settled: readonly Settled[];
}

/**
 * Carries out a run: builds wide, pushes narrow, journalled. A run that was stopped in any way is
 * taken up with what its journal has: nothing that was built is built again.
 * @throws LongshoreError `ERR_CLAIMED` (another process is at it), `ERR_JOURNAL`, `ERR_BAD_WIDTH`;
 *   what happens to one target is told in the result
 */
export async function runBulk(run: StoredRun, options: BulkOptions): Promise<RunResult> {
  checkWidth(options.builders, 'builders');
  const { store } = options;
  await using cleanUp = new AsyncDisposableStack();
  const claim = await store.claim(`run ${run.plan.id}`, options.signal);
  cleanUp.defer(() => claim.release());
  const ledger = await takeUp(run, store);
  const journal = cleanUp.use(await openJournal(run.folder.journalFile));
  const bulk = new BulkRun({
    run,
    ledger,
    journal,
    lost: claim.signal,
    options: {
      ...options,
      highWaterBytes: options.highWaterBytes ?? HIGH_WATER_BYTES,
      failFast: options.failFast ?? false,
      now: options.now ?? Date.now,
    },
  });
  const { outcome, milliseconds, sentBytes, settled } = await bulk.work();
  return {
    run: run.plan.id,
    outcome,
    targets: Array.from(bulk.ledger.values(), (entry) => ({
      ...entry,
      log: run.folder.logFile(entry.target),
    })),
    counts: countStates(bulk.ledger),
    sentBytes,
    milliseconds,
    settled,
  };
}

/** Where every target stands at the start, by the journal and by what the store really has. */
async function takeUp({ ledger, plan }: StoredRun, store: Store): Promise<Ledger> {
  const held = new Set<string>();
  for (const { image } of ledger.values()) {
    if (image === undefined || held.has(image.digest)) continue;
    const isWhole = await blobsOf(image, store).then(
      () => true,
      () => false,
    );
    if (isWhole) held.add(image.digest);
  }
  return reopen(ledger, plan.graph.edges, ({ digest }) => held.has(digest));
}
