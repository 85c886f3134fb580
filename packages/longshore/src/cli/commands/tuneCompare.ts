import path from 'node:path';
import type { TuneResults } from '../../tune/index.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { cleanText } from '../render/text.ts';
import { readTuneFile } from '../tune/readTuneFile.ts';
import type { CommandContext } from './context.ts';

/** `longshore tune compare A.json B.json ...` */
export async function runTuneCompare(context: CommandContext): Promise<number> {
  const { args, settings, places, print, complain } = context;
  if (args.length < 2) {
    throw usageError(
      'tune compare: two results are needed at least',
      'Give the results.json of each',
    );
  }
  const { compareResults, comparisonPicture, openPainter, writeFiles } = await import(
    '../../tune/index.ts'
  );
  const given: { name: string; results: TuneResults }[] = [];
  for (const [i, file] of args.entries()) {
    const results = await readTuneFile(path.resolve(places.cwd, file), file);
    given.push({ name: machineName(file, i), results });
  }
  const comparison = compareResults(given);
  const rows = comparison.machines.map(({ name, results: { environment }, analysis }) => {
    const { recommendation: said } = analysis;
    const answer = said?.certain === true ? `${said.workers}` : 'cannot tell';
    return [
      name,
      answer,
      best(analysis.arms),
      environment === undefined ? '' : `${environment.cores} x ${environment.cpu}`,
      environment?.system ?? '',
      environment?.registry ?? '',
      environment?.rttMs === undefined ? '' : `${environment.rttMs.toFixed(1)} ms`,
    ].map(cleanText);
  });
  print(
    `${align([['results', 'workers', 'best median', 'processor', 'system', 'registry', 'to connect'], ...rows])}\n`,
  );
  if (comparison.agreed !== undefined) print(`All agree: ${comparison.agreed} workers.\n`);
  if (comparison.differs.length > 0) print(`What differs: ${comparison.differs.join(', ')}.\n`);
  for (const warning of comparison.warnings) print(`! ${warning}\n`);
  if (settings.out !== undefined) {
    const folder = path.resolve(places.cwd, settings.out);
    const { spec } = comparisonPicture(comparison);
    const painter = await openPainter();
    const svg = await painter.svg(spec);
    await writeFiles(
      folder,
      new Map<string, string | Uint8Array>([
        ['compare.svg', svg],
        ['compare.png', painter.png(svg, '#ffffff')],
        ['compare.vl.json', `${JSON.stringify(spec, undefined, 1)}\n`],
      ]),
    );
    complain(`The picture is ${folder}/compare.svg\n`);
  }
  return EXIT.ok;
}

/** `lab` for `lab/results.json`: the folder says more than the file, which is always called that. */
function machineName(file: string, place: number): string {
  const { name, dir } = path.parse(file);
  const said = name === 'results' && dir !== '' ? path.basename(dir) : name;
  return `${place + 1} ${said}`;
}

function best(arms: readonly { readonly median: number }[]): string {
  return `${Math.min(...arms.map(({ median }) => median)).toPrecision(3)} s`;
}

function align(table: readonly (readonly string[])[]): string {
  const widths = (table[0] ?? []).map((_, i) =>
    Math.max(...table.map((row) => row[i]?.length ?? 0)),
  );
  return table
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
