import type { Analysis, TuneResults } from '../../tune/index.ts';
import type { CommandContext } from '../commands/context.ts';
import { printDocument } from '../documents.ts';
import { cleanText } from '../render/text.ts';
import { wrap } from './wrap.ts';

/** The answer on stdout: a chart, a table, what the numbers say and what they warn of. */
export async function printAnalysis(
  context: CommandContext,
  results: TuneResults,
  analysis: Analysis,
): Promise<void> {
  const { settings, host, print } = context;
  const { armTable, findings, terminalChart } = await import('../../tune/index.ts');
  if (settings.json === true) {
    const document = tuneDocument(results, analysis, findings(analysis));
    await printDocument(context, document);
    return;
  }
  const columns = Math.min(host.stdout.columns ?? 80, 120);
  const told = (text: string, mark: string): string =>
    wrap(cleanText(text), host.stdout.isTTY === true ? columns : Number.POSITIVE_INFINITY, mark);
  const [answer = '', ...rest] = findings(analysis);
  const parts = [
    terminalChart(analysis, columns),
    ...(analysis.blocks > 1 && analysis.arms.length > 0 ? [armTable(analysis)] : []),
    told(answer, ''),
    rest.map((text) => told(text, '- ')).join('\n'),
    analysis.notes.map(({ text }) => told(text, '! ')).join('\n'),
  ];
  print(`${parts.filter((part) => part !== '').join('\n\n')}\n`);
}

/** What `tune pull`, `tune push` and `tune replay` print with `--json`; schema: `longshore schema tune`. */
interface TuneDocument {
  readonly verb: 'tune';
  readonly measured: TuneResults['verb'];
  readonly design: TuneResults['design'];
  readonly seed: number;
  readonly stopped?: string;
  readonly blocks: number;
  readonly runs: number;
  readonly recommendation?: {
    readonly workers: number;
    readonly certain: boolean;
    readonly alike: readonly number[];
    readonly ratio: { readonly value: number; readonly low: number; readonly high: number };
  };
  readonly arms: readonly {
    readonly id: string;
    readonly runs: number;
    readonly medianSeconds: number;
    readonly winShare: number | undefined;
  }[];
  readonly findings: readonly string[];
  readonly notes: readonly { readonly kind: string; readonly text: string }[];
}

function tuneDocument(
  results: TuneResults,
  analysis: Analysis,
  said: readonly string[],
): TuneDocument {
  const { recommendation, blocks, runs, arms, notes } = analysis;
  return {
    verb: 'tune',
    measured: results.verb,
    design: results.design,
    seed: results.seed,
    ...(results.stopped === undefined ? {} : { stopped: results.stopped }),
    blocks,
    runs,
    ...(recommendation === undefined
      ? {}
      : {
          recommendation: {
            workers: recommendation.workers,
            certain: recommendation.certain,
            alike: recommendation.alike,
            ratio: recommendation.ratio,
          },
        }),
    arms: arms.map(({ arm, runs: times, median, winShare }) => ({
      id: arm.id,
      runs: times,
      medianSeconds: median,
      winShare,
    })),
    findings: said,
    notes,
  };
}

/**
 * Writes the report into a folder. Where pictures cannot be drawn it says so and leaves them out:
 * what took minutes to measure is not lost for want of a library.
 */
export async function saveReport(
  context: CommandContext,
  folder: string,
  { results, analysis }: { readonly results: TuneResults; readonly analysis: Analysis },
): Promise<void> {
  const { settings, complain } = context;
  const { makeReport, writeFiles } = await import('../../tune/index.ts');
  const { isLongshoreError } = await import('../../errors.ts');
  const make = async (pictures: boolean): Promise<void> =>
    writeFiles(folder, await makeReport(results, { analysis, pictures }));
  try {
    await make(settings.pictures ?? true);
  } catch (error) {
    if (!isLongshoreError(error) || error.code !== 'ERR_TUNE_PICTURES') throw error;
    complain(`longshore: ${error.message}. ${error.hint ?? ''}\n`);
    await make(false);
  }
  complain(`The report is ${folder}/report.html\n`);
}
