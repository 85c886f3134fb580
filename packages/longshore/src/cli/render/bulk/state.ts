import { countStates, type LedgerCounts, type RunEvent } from '../../../run/index.ts';

type Progress = Extract<RunEvent, { readonly type: 'bulk.progress' }>;

/** What a viewer knows of a run of builds and pushes: the fold of its events. */
export interface BulkState {
  readonly phase: 'starting' | 'running' | 'draining' | 'finished';
  readonly startedAt: number;
  readonly pushes: boolean;
  readonly builders: number;
  /** Builds wait for pushes. */
  readonly held: boolean;
  readonly targets: LedgerCounts;
  /** The last one. */
  readonly progress: Progress | undefined;
}

const NONE = countStates(new Map());

export const INITIAL_BULK: BulkState = {
  phase: 'starting',
  startedAt: 0,
  pushes: false,
  builders: 0,
  held: false,
  targets: NONE,
  progress: undefined,
};

/** What `state` becomes through `event`. Pure. */
export function foldRunEvent(state: BulkState, event: RunEvent): BulkState {
  if (event.type === 'bulk.started') {
    return {
      ...state,
      phase: 'running',
      startedAt: event.at,
      pushes: event.pushers !== undefined,
      builders: event.builders,
      targets: { ...NONE, total: event.targets, waiting: event.targets },
    };
  }
  if (event.type === 'bulk.progress') return { ...state, targets: event.targets, progress: event };
  if (event.type === 'bulk.held') return { ...state, held: event.held };
  if (event.type === 'bulk.draining') return { ...state, phase: 'draining' };
  if (event.type === 'bulk.finished') {
    return { ...state, phase: 'finished', targets: event.targets };
  }
  return state;
}

/** Targets that have a place in a sentence, with their numbers. */
export function endedCounts(targets: LedgerCounts): readonly (readonly [number, string])[] {
  const counts: readonly (readonly [number, string])[] = [
    [targets.built, 'built'],
    [targets.pushed, 'pushed'],
    [targets.unchanged, 'unchanged'],
    [targets['failed-build'], 'failed to build'],
    [targets['failed-push'], 'failed to push'],
    [targets.skipped, 'skipped'],
    [targets.cancelled, 'cancelled'],
  ];
  return counts.filter(([count]) => count > 0);
}

export function failedCount(targets: LedgerCounts): number {
  return targets['failed-build'] + targets['failed-push'] + targets.skipped;
}

/** Images that are in the store, wherever they go from there. */
export function builtCount({ total, ...targets }: LedgerCounts): number {
  return (
    total -
    targets.waiting -
    targets.building -
    targets['failed-build'] -
    targets.skipped -
    targets.cancelled
  );
}

export function upCount({ pushed, unchanged }: LedgerCounts): number {
  return pushed + unchanged;
}
