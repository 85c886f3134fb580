import type { BuilderName, BuildStep } from '../build/index.ts';
import type { ActiveBlob, RunOutcome, Settled, TransferEvent, Workers } from '../transfer/index.ts';
import type { LedgerCounts, Transition } from './ledger.ts';

/** A build that runs right now. */
export interface ActiveBuild {
  readonly target: string;
  readonly step?: BuildStep | undefined;
  readonly milliseconds: number;
}

/** What of a push's own events belongs to a run too; images are told as targets. */
type ForwardedEvent = Exclude<
  TransferEvent,
  {
    readonly type:
      | `run.${string}`
      | `image.${string}`
      | `output.${string}`
      | 'plan.ready'
      | 'progress';
  }
>;

/**
 * Everything that a run of builds tells, beside what its pushes tell of blobs and registries. Times
 * are milliseconds since the epoch.
 */
export type RunEvent =
  | {
      readonly type: 'bulk.started';
      readonly at: number;
      readonly run: string;
      readonly targets: number;
      /** Of them: built and up already, when a run is taken up again. */
      readonly built: number;
      readonly up: number;
      readonly builder: BuilderName;
      readonly builders: number;
      /** Missing when nothing is pushed. */
      readonly pushers?: Workers;
    }
  | ({ readonly type: 'target.state' } & Transition)
  | {
      readonly type: 'target.step';
      readonly at: number;
      readonly target: string;
      readonly step: BuildStep;
    }
  | {
      /** A build broke for no fault of its own and is begun anew. */
      readonly type: 'target.retry';
      readonly at: number;
      readonly target: string;
      readonly attempt: number;
      readonly reason: string;
    }
  | {
      /** Builds wait until pushes have caught up, or go on. */
      readonly type: 'bulk.held';
      readonly at: number;
      readonly held: boolean;
      readonly unpushedBytes: number;
    }
  | {
      /** Several times a second. */
      readonly type: 'bulk.progress';
      readonly at: number;
      readonly elapsedMs: number;
      readonly targets: LedgerCounts;
      /** Built and not up yet. */
      readonly unpushedBytes: number;
      readonly sentBytes: number;
      readonly bytesPerSecond: number;
      readonly builds: readonly ActiveBuild[];
      readonly uploads: readonly ActiveBlob[];
      /** Uploads at once, over all registries. */
      readonly width: number;
    }
  | { readonly type: 'bulk.draining'; readonly at: number }
  | {
      readonly type: 'bulk.finished';
      readonly at: number;
      readonly run: string;
      readonly outcome: RunOutcome;
      readonly milliseconds: number;
      readonly targets: LedgerCounts;
      readonly sentBytes: number;
      readonly settled: readonly Settled[];
    }
  | ForwardedEvent;

export type RunListener = (event: RunEvent) => void;

const TOLD_AS_TARGETS: ReadonlySet<TransferEvent['type']> = new Set([
  'run.started',
  'run.draining',
  'run.finished',
  'image.resolved',
  'image.done',
  'image.failed',
  'plan.ready',
  'progress',
] as const);

/** Whether a run passes on what a push has told. */
export function isForwarded(event: TransferEvent): event is ForwardedEvent {
  return !TOLD_AS_TARGETS.has(event.type);
}
