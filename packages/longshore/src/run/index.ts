/** Bulk runs: builds wide and pushes narrow on one journal, taken up again where they were. */
export type { ActiveBuild, RunEvent, RunListener } from './events.ts';
export {
  countStates,
  type Ending,
  hasEnded,
  type LedgerCounts,
  type TagOutcome,
  type TargetEntry,
  type TargetState,
  type Transition,
} from './ledger.ts';
export { storeNames } from './pushStage.ts';
export { type BulkOptions, type RunResult, runBulk, type TargetReport } from './runBulk.ts';
export {
  createRun,
  findRun,
  listRuns,
  newRunId,
  type RunFolder,
  type RunPlan,
  readRun,
  type StoredRun,
} from './runFolder.ts';
