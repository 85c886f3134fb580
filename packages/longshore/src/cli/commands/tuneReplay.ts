import path from 'node:path';
import { EXIT } from '../exitCodes.ts';
import { readTuneFile } from '../tune/readTuneFile.ts';
import { printAnalysis, saveReport } from '../tune/show.ts';
import type { CommandContext } from './context.ts';

/** `longshore tune replay [FILE]`: analyses what was measured before; without a file, the first sweep of all. */
export async function runTuneReplay(context: CommandContext): Promise<number> {
  const { args, settings, places } = context;
  const { analyse, AUTHOR_SWEEP, parseSweep } = await import('../../tune/index.ts');
  const [file] = args;
  const results =
    file === undefined
      ? parseSweep(AUTHOR_SWEEP, 'the numbers shipped with Longshore')
      : await readTuneFile(path.resolve(places.cwd, file), file);
  const analysis = analyse(results);
  await printAnalysis(context, results, analysis);
  if (settings.out !== undefined) {
    const folder = path.resolve(places.cwd, settings.out);
    await saveReport(context, folder, { results, analysis });
  }
  return EXIT.ok;
}
