import type { BuildEdge, BuildGraph, BuiltImage } from '../build/index.ts';
import type { Digest } from '../image/index.ts';
import type { ErrorSummary, RunOutcome } from '../transfer/index.ts';

/** What became of one name of an image. */
export interface TagOutcome {
  /** The whole name at the registry. */
  readonly destination: string;
  readonly state: 'pushed' | 'unchanged' | 'failed' | 'cancelled';
  readonly digest?: Digest;
  readonly error?: ErrorSummary;
}

/** How a target can end; every target ends in exactly one of these. */
export type Ending =
  /** Of a run that pushes nothing: the image is in the store. */
  | 'built'
  | 'pushed'
  | 'unchanged'
  | 'failed-build'
  | 'failed-push'
  /** What it is built from has failed. */
  | 'skipped'
  | 'cancelled';

export type TargetState = 'waiting' | 'building' | 'queued' | 'pushing' | Ending;

/** One change of state, as the journal keeps it. Times are milliseconds since the epoch. */
export type Transition = { readonly at: number; readonly target: string } & (
  | { readonly to: 'building' }
  /** The image is in the store, whole. `newBytes` is what no earlier image of the run had. */
  | {
      readonly to: 'queued' | 'built';
      readonly image: BuiltImage;
      readonly newBytes: number;
      readonly milliseconds: number;
    }
  | { readonly to: 'pushing' }
  | { readonly to: 'pushed' | 'unchanged'; readonly tags: readonly TagOutcome[] }
  | {
      readonly to: 'failed-push';
      readonly tags: readonly TagOutcome[];
      readonly error: ErrorSummary;
    }
  | { readonly to: 'failed-build'; readonly error: ErrorSummary }
  | { readonly to: 'skipped'; readonly because: string }
  | { readonly to: 'cancelled' }
);

/** Marks in a journal that are about the run and not about one target. */
export type RunMark =
  | { readonly at: number; readonly run: 'started' | 'resumed' }
  | { readonly at: number; readonly run: 'ended'; readonly outcome: RunOutcome };

export type JournalLine = Transition | RunMark;

/** What is known of one target: the fold of its transitions. */
export interface TargetEntry {
  readonly target: string;
  readonly state: TargetState;
  /** Once built, whatever came after. */
  readonly image?: BuiltImage;
  readonly newBytes: number;
  readonly tags: readonly TagOutcome[];
  readonly error?: ErrorSummary;
  /** The failed target that this one is built from. */
  readonly because?: string;
  readonly buildMs?: number;
  /** When its first build began, and when it ended. */
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/** All targets of a run, in the order of its plan. */
export type Ledger = ReadonlyMap<string, TargetEntry>;

const ENDINGS: ReadonlySet<TargetState> = new Set<TargetState>([
  'built',
  'pushed',
  'unchanged',
  'failed-build',
  'failed-push',
  'skipped',
  'cancelled',
]);

export function hasEnded({ state }: Pick<TargetEntry, 'state'>): boolean {
  return ENDINGS.has(state);
}

export function newLedger({ targets }: Pick<BuildGraph, 'targets'>): Ledger {
  return new Map(
    targets.map(({ name }) => [name, { target: name, state: 'waiting', newBytes: 0, tags: [] }]),
  );
}

/**
 * The ledger after what a journal tells. What it says of targets that the plan does not have is
 * passed over: it cannot be about this run.
 */
export function replay(ledger: Ledger, lines: readonly JournalLine[]): Ledger {
  const entries = new Map(ledger);
  for (const line of lines) {
    if (!('target' in line)) continue;
    const entry = entries.get(line.target);
    if (entry !== undefined) entries.set(line.target, advance(entry, line));
  }
  return entries;
}

/** What becomes of a target through one transition. Pure. */
export function advance(entry: TargetEntry, transition: Transition): TargetEntry {
  const { to, at } = transition;
  const ended = hasEnded({ state: to }) ? { endedAt: at } : {};
  // What went wrong before counts no more once it is tried again.
  const { error: _error, because: _because, ...kept } = entry;
  const next: TargetEntry = { ...kept, state: to, ...ended };
  switch (to) {
    case 'building':
      return { ...next, startedAt: entry.startedAt ?? at };
    case 'queued':
    case 'built':
      return {
        ...next,
        image: transition.image,
        newBytes: transition.newBytes,
        buildMs: transition.milliseconds,
      };
    case 'pushed':
    case 'unchanged':
      return { ...next, tags: transition.tags };
    case 'failed-push':
      return { ...next, tags: transition.tags, error: transition.error };
    case 'failed-build':
      return { ...next, error: transition.error };
    case 'skipped':
      return { ...next, because: transition.because };
    case 'pushing':
    case 'cancelled':
      return next;
  }
}

/**
 * The ledger with which a run is taken up again: what is up stays, what was built is pushed, and
 * everything else begins anew. What is up but gone from the store is built once more only where
 * something else is still to be built from it.
 * @param held whether the store still has the whole image
 */
export function reopen(
  ledger: Ledger,
  edges: readonly BuildEdge[],
  held: (image: BuiltImage) => boolean,
): Ledger {
  const needed = new Set<string>();
  const reopened: TargetEntry[] = [];
  for (const entry of Array.from(ledger.values()).toReversed()) {
    const kept = entry.image !== undefined && held(entry.image);
    const next = reopenEntry(entry, kept, needed.has(entry.target));
    reopened.unshift(next);
    if (next.state !== 'waiting') continue;
    for (const { from, to } of edges) if (from === entry.target) needed.add(to);
  }
  return new Map(reopened.map((entry) => [entry.target, entry]));
}

function reopenEntry(entry: TargetEntry, kept: boolean, needed: boolean): TargetEntry {
  const { target, image, newBytes, buildMs, startedAt, state } = entry;
  const isUp = state === 'pushed' || state === 'unchanged';
  if (isUp && (kept || !needed)) return entry;
  if (!kept || image === undefined) return { target, state: 'waiting', newBytes: 0, tags: [] };
  return {
    target,
    state: state === 'built' ? 'built' : 'queued',
    image,
    newBytes,
    tags: [],
    ...(buildMs === undefined ? {} : { buildMs }),
    ...(startedAt === undefined ? {} : { startedAt }),
  };
}

export type LedgerCounts = Readonly<Record<TargetState, number>> & { readonly total: number };

export function countStates(ledger: Ledger): LedgerCounts {
  const counts = {
    total: ledger.size,
    waiting: 0,
    building: 0,
    queued: 0,
    pushing: 0,
    built: 0,
    pushed: 0,
    unchanged: 0,
    'failed-build': 0,
    'failed-push': 0,
    skipped: 0,
    cancelled: 0,
  };
  for (const { state } of ledger.values()) counts[state] += 1;
  return counts;
}
