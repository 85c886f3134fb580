import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { parseReference } from '../../image/index.ts';
import type { Run, TunePullOptions, TuneResults } from '../../tune/index.ts';
import { openRegistry, readConnection } from '../connect.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { watchInterrupts } from '../interrupts.ts';
import { choosePlatform } from '../pull/platform.ts';
import { formatDuration } from '../render/format.ts';
import { shellQuote } from '../shellQuote.ts';
import { applyAnswer } from '../tune/apply.ts';
import { chooseArms } from '../tune/arms.ts';
import { readTuneFile } from '../tune/readTuneFile.ts';
import { printAnalysis, saveReport } from '../tune/show.ts';
import type { CommandContext } from './context.ts';

const MINUTE_MS = 60_000;
/** So that what is asked for, a report within ten minutes, leaves time to analyse and draw. */
const BUDGET_MS = 8 * MINUTE_MS;
const GAP_MS = 500;

/** `longshore tune pull REF...` */
export async function runTunePull(context: CommandContext): Promise<number> {
  const { args, settings, places, host, complain } = context;
  if (args.length === 0) {
    throw usageError(
      'tune pull: no image is named',
      'Give one that takes seconds to pull, or several',
    );
  }
  for (const input of args) parseReference(input);
  const folder = path.resolve(places.cwd, settings.out ?? folderName(host.clock.now()));
  const before = await earlierResults(folder, settings.resume === true);
  const request = await readRequest(context, folder);
  await mkdir(folder, { recursive: true });
  const interrupts = watchInterrupts(host, () =>
    complain('Interrupted: what was measured is kept\n'),
  );
  try {
    const { analyse, tunePull } = await import('../../tune/index.ts');
    // Half a run is worth nothing: the first signal of either kind ends it.
    const signal = AbortSignal.any([interrupts.drain, interrupts.stop]);
    const results = await tunePull(args, { ...request, resume: before, signal });
    const analysis = analyse(results);
    await saveReport(context, folder, { results, analysis });
    await printAnalysis(context, results, analysis);
    if (settings.apply === true) await applyAnswer(context, { results, analysis });
    return exitCode(context, { results, folder });
  } finally {
    interrupts.dispose();
  }
}

async function readRequest(
  context: CommandContext,
  folder: string,
): Promise<Omit<TunePullOptions, 'signal' | 'resume'>> {
  const { settings, host } = context;
  const connection = await readConnection(context);
  const { writeFiles } = await import('../../tune/index.ts');
  return {
    openRegistry: (onEvent) => openRegistry(context, connection, { onEvent }),
    platform: choosePlatform(settings.platform, host),
    arms: await chooseArms(settings),
    design: settings.design === 'as-published' ? 'as-published' : 'blocks',
    seed: settings.seed ?? Math.floor(Math.random() * 1e6),
    folder,
    version: host.version,
    stopping: settings.blocks === undefined ? {} : { maxBlocks: settings.blocks },
    gapMs: settings.gap ?? GAP_MS,
    budgetMs: settings.budget ?? BUDGET_MS,
    onRun: async (run, results) => {
      tellRun(context, run);
      await writeFiles(folder, new Map([['results.json', `${JSON.stringify(results)}\n`]]));
    },
  };
}

/** A line for each run: an experiment of minutes should not look like a program that hangs. */
function tellRun({ settings, complain }: CommandContext, run: Run): void {
  if (settings.progress === 'quiet' || settings.progress === 'json') return;
  const [width = '', again = ''] = run.arm.split(' ');
  const what = /^\d/.test(width)
    ? `${width} worker${width === '1' ? '' : 's'} ${again}`.trim()
    : width;
  const where = run.block === 0 ? 'first pull, discarded' : `block ${run.block}`;
  const outcome =
    run.state === 'ok' || run.state === 'warm-up' ? '' : `: ${run.state}, does not count`;
  complain(
    `${String(run.order).padStart(4)}  ${where}, ${what}: ${formatDuration(run.seconds * 1000)}${outcome}\n`,
  );
}

async function earlierResults(folder: string, resume: boolean): Promise<TuneResults | undefined> {
  const file = path.join(folder, 'results.json');
  if (resume) return readTuneFile(file, file);
  const { access } = await import('node:fs/promises');
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
  return results.stopped === 'failing' ? EXIT.failed : EXIT.ok;
}
