import type { Digest } from '../image/index.ts';
import type { RegistryEvent } from '../registry/index.ts';
import type { Settled, Workers } from './lanes.ts';
import type { RunOutcome } from './outcome.ts';

/** An error as data: what events, journals and reports carry. */
export interface ErrorSummary {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** One blob that moves right now. */
export interface ActiveBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly doneBytes: number;
  readonly bytesPerSecond: number;
  /**
   * `waiting` for another process that fetches it; `verifying` what an earlier run has left;
   * `committing`: all is sent, the registry has to answer.
   */
  readonly state: 'moving' | 'waiting' | 'retrying' | 'verifying' | 'committing';
  /** First reference that needs it, short, for a person. */
  readonly label: string;
}

/** What the planner found, before the first layer byte moves. */
export interface PlanSummary {
  readonly images: number;
  /** Unique blobs over all images, manifests left out. */
  readonly blobs: number;
  /** Bytes of the unique blobs. */
  readonly bytes: number;
  /** What the images hold together beyond `bytes`: saved because blobs are shared. */
  readonly sharedBytes: number;
  /** Complete in the store already. */
  readonly presentBytes: number;
  /** In unfinished ingests of earlier runs. */
  readonly resumableBytes: number;
  readonly fetchBlobs: number;
  readonly fetchBytes: number;
  readonly freeDiskBytes: number;
}

export type ImageState = 'resolving' | 'pulling' | 'done' | 'failed' | 'cancelled';

/**
 * Everything that a run tells, in one union. Terminal bars, plain lines, JSON lines and the journal
 * are subscribers; none of them is known here. Times are milliseconds since the epoch.
 */
export type TransferEvent =
  | {
      readonly type: 'run.started';
      readonly at: number;
      readonly verb: 'pull' | 'push';
      readonly images: number;
      /** Blobs moved at once: downloads of a pull, uploads to each registry of a push. */
      readonly workers: Workers;
    }
  | {
      readonly type: 'image.resolved';
      readonly at: number;
      /** Place in the input, from 0. */
      readonly image: number;
      readonly reference: string;
      readonly digest: Digest;
      readonly platform?: string;
      readonly layers: number;
      readonly bytes: number;
    }
  | ({ readonly type: 'plan.ready'; readonly at: number } & PlanSummary)
  | {
      /** A connection begins to bring bytes of a blob; a blob may have several. */
      readonly type: 'blob.started';
      readonly at: number;
      readonly digest: Digest;
      readonly size: number;
      readonly offset: number;
      readonly origin: string;
    }
  | {
      readonly type: 'blob.waiting';
      readonly at: number;
      readonly digest: Digest;
      readonly holder: string;
    }
  | {
      readonly type: 'blob.retry';
      readonly at: number;
      readonly digest: Digest;
      readonly attempt: number;
      readonly delayMs: number;
      readonly offset: number;
      readonly error: ErrorSummary;
    }
  | {
      readonly type: 'blob.done';
      readonly at: number;
      readonly digest: Digest;
      readonly size: number;
      readonly fetchedBytes: number;
      readonly milliseconds: number;
      /** Who brought it: this run, or another process on the same store. */
      readonly by: 'this-run' | 'another-process';
    }
  | {
      readonly type: 'blob.pushed';
      readonly at: number;
      readonly digest: Digest;
      readonly size: number;
      /** Registry and path. */
      readonly repository: string;
      /** `present`: it was there before. */
      readonly how: 'uploaded' | 'mounted' | 'present';
      readonly sentBytes: number;
      readonly milliseconds: number;
    }
  | {
      /** An upload stood still and was cut, to be sent again. */
      readonly type: 'upload.cut';
      readonly at: number;
      readonly digest: Digest;
      readonly registry: string;
      readonly silentMs: number;
      readonly sentBytes: number;
    }
  | {
      /** How many uploads at once a registry gets from now on. */
      readonly type: 'push.width';
      readonly at: number;
      readonly registry: string;
      readonly width: number;
      readonly reason: string;
    }
  | {
      readonly type: 'blob.failed';
      readonly at: number;
      readonly digest: Digest;
      readonly error: ErrorSummary;
    }
  | {
      readonly type: 'image.done';
      readonly at: number;
      readonly image: number;
      readonly reference: string;
      readonly digest: Digest;
      readonly milliseconds: number;
      /** Of a push: `unchanged` where the registry had it under that name already. */
      readonly how?: 'pushed' | 'unchanged';
    }
  | {
      readonly type: 'image.failed';
      readonly at: number;
      readonly image: number;
      readonly reference: string;
      readonly error: ErrorSummary;
    }
  | {
      /** A sink begins with an image, or is so far with it: a few times a second, for those that take long. */
      readonly type: 'output.progress';
      readonly at: number;
      readonly image: number;
      readonly reference: string;
      /** The sink: `sif:DIR`. */
      readonly output: string;
      /** Of the image, short, for a person. */
      readonly label: string;
      readonly step: 'read' | 'write';
      /** Bytes of the image, unpacked. */
      readonly doneBytes: number;
      /** Missing until the image has been read. */
      readonly totalBytes?: number;
    }
  | {
      readonly type: 'output.done';
      readonly at: number;
      readonly image: number;
      readonly reference: string;
      readonly output: string;
    }
  | {
      /** Several times a second while anything moves. */
      readonly type: 'progress';
      readonly at: number;
      readonly elapsedMs: number;
      /** Of `plan.fetchBytes`. */
      readonly doneBytes: number;
      readonly totalBytes: number;
      /** Over the last few seconds. */
      readonly bytesPerSecond: number;
      /** `undefined` while there is nothing to judge by. */
      readonly etaMs: number | undefined;
      readonly images: {
        readonly total: number;
        readonly done: number;
        readonly failed: number;
      };
      readonly blobs: { readonly total: number; readonly done: number };
      readonly width: number;
      readonly active: readonly ActiveBlob[];
    }
  | { readonly type: 'run.draining'; readonly at: number }
  | {
      readonly type: 'run.finished';
      readonly at: number;
      readonly outcome: RunOutcome;
      readonly milliseconds: number;
      readonly images: {
        readonly total: number;
        readonly done: number;
        readonly failed: number;
        readonly cancelled: number;
      };
      readonly fetchedBytes: number;
      /** Of a push. */
      readonly sentBytes?: number;
      readonly settled: readonly Settled[];
      readonly plan?: PlanSummary;
    }
  | (RegistryEvent & { readonly at: number });

export type EventListener = (event: TransferEvent) => void;
