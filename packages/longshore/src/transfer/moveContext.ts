import type { Limiter } from '../concurrency/index.ts';
import type { Registry } from '../registry/index.ts';
import type { ByteRange, Store } from '../store/index.ts';
import type { BlobActivity } from './activity.ts';
import type { EventListener } from './events.ts';
import type { Flow } from './flow.ts';
import type { Lane, Slot } from './lane.ts';
import type { Lanes } from './lanes.ts';

/** Whoever works on a blob, as those see it who give it help. */
export interface HelpedMove {
  /** False for a while after a helper was refused for good, and where the whole blob comes in one. */
  readonly takesHelp: boolean;
  /** A stretch that nobody fetches while flows are busy with others. */
  orphan(): ByteRange | undefined;
  readonly registry: string;
  /** Fetches `range`, which a flow of this blob has given away, on a connection of its own. */
  help(range: ByteRange, slot: Slot): void;
}

/** Flows of all blobs, and what they learn about servers. */
export interface FlowTable {
  nextId(): number;
  add(flow: Flow, move: HelpedMove): void;
  delete(flow: Flow): void;
  /** A server ignored or botched a range: it is not asked for ranges again. */
  rangesRefused(registry: string): void;
  /** Whether a blob may be asked for from an offset on. */
  mayRange(registry: string): boolean;
  /** The server has answered a request of this lane, and well. */
  accepted(lane: Lane): void;
  /** A server has no room for a request. */
  refused(): void;
  /** Whether a blob may be fetched over several connections. */
  maySplit(registry: string): boolean;
}

/** What the moves of one run have in common. */
export interface MoveContext {
  readonly store: Store;
  readonly registry: Registry;
  readonly lanes: Lanes;
  /** Who verifies what an earlier run has left: reading it from the disk takes no connection. */
  readonly verifying: Limiter;
  /** One class for all sizes, so that `--serial` means one request at a time. */
  readonly oneClass: boolean;
  /** Blobs wait in the order of their images, not the largest of all first. */
  readonly byImage: boolean;
  /** Blobs that move now, for the progress view. */
  readonly active: Set<BlobActivity>;
  readonly flows: FlowTable;
  readonly emit: EventListener;
  readonly now: () => number;
  readonly random: () => number;
  /** Counts bytes that came over the network and were kept; a promise asks to slow down. */
  readonly onBytes: (bytes: number) => undefined | Promise<void>;
  /** The same for bytes that were held already. */
  readonly onBytesInVain: (bytes: number) => undefined | Promise<void>;
  /** Nothing new is started once this is aborted. */
  readonly drain: AbortSignal;
  /** Everything stops at once. */
  readonly signal: AbortSignal;
}

export interface MovedBlob {
  readonly by: 'this-run' | 'another-process';
  readonly fetchedBytes: number;
}
