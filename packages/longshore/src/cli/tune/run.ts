import { access } from 'node:fs/promises';
import path from 'node:path';
import { makeFolders } from '../../fileSystem.ts';
import type { Run, TuneOptions, TuneResults } from '../../tune/index.ts';
import type { CommandContext } from '../commands/context.ts';
import { openRegistry, readConnection } from '../connect.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { watchInterrupts } from '../interrupts.ts';
import { formatDuration } from '../render/format.ts';
import { shellQuote } from '../shellQuote.ts';
import { applyAnswer } from './apply.ts';
import { chooseArms } from './arms.ts';
import { readTuneFile } from './readTuneFile.ts';
import { printAnalysis, saveReport } from './show.ts';

const MINUTE_MS = 60_000;
/** So that what is asked for, a report within ten minutes, leaves time to analyse and draw. */
const BUDGET_MS = 8 * MINUTE_MS;
const GAP_MS = 500;

/** Measures, given what all verbs have in common. */
export type Measure = (options: TuneOptions & { readonly folder: string }) => Promise<TuneResults>;

/** Everything around an experiment: its folder, what is told on the way, the report and the answer. */
export async function runTune(
  context: CommandContext,
  verb: 'pull' | 'push',
  measure: Measure,
): Promise<number> {
  const { settings, places, host, complain } = context;
  const folder = path.resolve(places.cwd, settings.out ?? folderName(host.clock.now()));
  const resume = await earlierResults(folder, settings.resume === true);
  const options = await readOptions(context, verb, folder);
  await makeFolders(folder);
  const interrupts = watchInterrupts(host, () =>
    complain('Interrupted: what was measured is kept\n'),
  );
  try {
    const { analyse } = await import('../../tune/index.ts');
    // Half a run is worth nothing: the first signal of any kind ends it.
    const signal = AbortSignal.any([interrupts.drain, interrupts.stop]);
    const results = await measure({ ...options, folder, resume, signal });
    const analysis = analyse(results);
    await saveReport(context, folder, { results, analysis });
    await printAnalysis(context, results, analysis);
    if (settings.apply === true) await applyAnswer(context, { results, analysis });
    return exitCode(context, { results, folder });
  } finally {
    interrupts.dispose();
  }
}

async function readOptions(
  context: CommandContext,
  verb: 'pull' | 'push',
  folder: string,
): Promise<Omit<TuneOptions, 'signal' | 'resume'>> {
  const { settings, host } = context;
  const connection = await readConnection(context);
  const { writeFiles } = await import('../../tune/index.ts');
  return {
    openRegistry: (onEvent) => openRegistry(context, connection, { onEvent }),
    arms: await chooseArms(settings, verb),
    design: settings.design === 'as-published' ? 'as-published' : 'blocks',
    seed: settings.seed ?? Math.floor(Math.random() * 1e6),
    version: host.version,
    stopping: settings.blocks === undefined ? {} : { maxBlocks: settings.blocks },
    gapMs: settings.gap ?? GAP_MS,
    budgetMs: settings.budget ?? BUDGET_MS,
    onRun: async (run, results) => {
      tellRun(context, verb, run);
      await writeFiles(folder, new Map([['results.json', `${JSON.stringify(results)}\n`]]));
    },
  };
}

/** A line for each run: an experiment of minutes should not look like a program that hangs. */
function tellRun({ settings, complain }: CommandContext, verb: 'pull' | 'push', run: Run): void {
  if (settings.progress === 'quiet' || settings.progress === 'json') return;
  const [width = '', again = ''] = run.arm.split(' ');
  const noun = verb === 'push' ? 'pusher' : 'worker';
  const what = /^\d/.test(width)
    ? `${width} ${noun}${width === '1' ? '' : 's'} ${again}`.trim()
    : width;
  const where = run.block === 0 ? `first ${verb}, discarded` : `block ${run.block}`;
  const counts = run.state === 'ok' || run.state === 'warm-up';
  const why = run.problem === undefined ? '' : ` (${run.problem})`;
  const outcome = counts ? '' : `: ${run.state}${why}, does not count`;
  const order = String(run.order).padStart(4);
  complain(`${order}  ${where}, ${what}: ${formatDuration(run.seconds * 1000)}${outcome}\n`);
}

async function earlierResults(folder: string, resume: boolean): Promise<TuneResults | undefined> {
  const file = path.join(folder, 'results.json');
  if (resume) return readTuneFile(file, file);
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere) {
    throw usageError(
      `${folder} holds results already`,
      'Go on with them (--resume), or name another --out',
    );
  }
  return undefined;
}

function folderName(now: number): string {
  const [date = '', time = ''] = new Date(now).toISOString().split('T');
  return `tune-${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`;
}

function exitCode(
  { host, settings, complain }: CommandContext,
  { results, folder }: { readonly results: TuneResults; readonly folder: string },
): number {
  if (results.stopped === 'interrupted') {
    const named = settings.out === undefined ? ['--out', folder] : [];
    const again = settings.resume === true ? [] : ['--resume'];
    complain(`To go on: ${shellQuote(['longshore', ...host.argv, ...named, ...again])}\n`);
    return EXIT.interrupted;
  }
  if (results.stopped !== 'failing') return EXIT.ok;
  complain('Gave up: run after run did not count\n');
  return EXIT.failed;
}
