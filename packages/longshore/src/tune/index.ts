/** How many workers? Design, measure, analyse, draw. */
export { type Analysis, type ArmSummary, analyse } from './analyse.ts';
export { type ArmOptions, PULL_LADDER, PUSH_LADDER, parseWidths } from './arms.ts';
export { AUTHOR_SWEEP } from './authorSweep.ts';
export type { TuneOptions } from './begin.ts';
export { compareResults, comparisonPicture, type Machine } from './compare.ts';
export { parseSweep } from './csv.ts';
export type { Note } from './notes.ts';
export type { Recommendation } from './recommend.ts';
export { terminalChart } from './report/chart.ts';
export { openPainter, type Painter } from './report/draw.ts';
export { makeReport, type ReportOptions } from './report/makeReport.ts';
export { armTable, findings } from './report/text.ts';
export { writeFiles } from './report/write.ts';
export { parseResults } from './resultsFile.ts';
export { STOPPING, type StoppingRules } from './stopping.ts';
export { type TunePullOptions, tunePull } from './tunePull.ts';
export { type PushPlan, type TunePushOptions, tunePush } from './tunePush.ts';
export type { Arm, Environment, Run, StopReason, TuneResults } from './types.ts';
