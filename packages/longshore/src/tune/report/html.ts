import type { Analysis } from '../analyse.ts';
import type { Environment, TuneResults } from '../types.ts';
import { formatBytes, formatPlain, formatSeconds, nounOf } from './format.ts';
import { findings } from './text.ts';

/** A picture in both themes, as SVG text. */
export interface DrawnPicture {
  readonly title: string;
  readonly caption: string;
  readonly light: string;
  readonly dark: string;
}

/**
 * The report as one file that needs nothing else: no script, no font, no network. Pictures are in it
 * as images, so that what is drawn in one cannot touch another.
 */
export function htmlReport(
  results: TuneResults,
  analysis: Analysis,
  pictures: readonly DrawnPicture[],
): string {
  const title = `How many ${nounOf(results.verb)}? ${results.images.map(({ reference }) => reference).join(', ')}`;
  const said = findings(analysis);
  const [answer = 'Nothing to recommend yet.', ...rest] = said;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
<p class="answer">${emphasised(answer)}</p>
${list(
  'notes',
  analysis.notes.map(({ text }) => text),
)}
${list('findings', rest)}
${pictures.map(figure).join('\n')}
<h2>Figures</h2>
${table(analysis)}
${results.environment === undefined ? '' : environmentTable(results.environment)}
<p class="small">${escape(howItWasMade(results, analysis))}</p>
</main>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --text: #1b1f24; --page: #ffffff; --faint: #c9ced6; --mark: #00664b; --warn: #7a4a00; }
@media screen and (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --page: #14181d; --faint: #3f4751; --mark: #4fd1a5; --warn: #f0b860; } }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
.answer { font-size: 1.15rem; border-left: 4px solid var(--mark); padding-left: .8rem; }
.notes li { color: var(--warn); }
figure { margin: 2rem 0; }
img { max-width: 100%; height: auto; display: block; }
figcaption, .small { font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: right; padding: .25rem .7rem; border-bottom: 1px solid var(--faint); }
th:first-child, td:first-child { text-align: left; }
@media print { figure { break-inside: avoid; } main { max-width: none; } }
`;

/** The answer itself, and then what makes it one. */
function emphasised(answer: string): string {
  const end = answer.indexOf(': ');
  if (end < 0) return escape(answer);
  return `<strong>${escape(answer.slice(0, end))}</strong>${escape(answer.slice(end))}`;
}

function figure({ title, caption, light, dark }: DrawnPicture): string {
  return `<figure>
<picture>
<source media="screen and (prefers-color-scheme: dark)" srcset="${dataUrl(dark)}">
<img src="${dataUrl(light)}" alt="${escape(`${title}. ${caption}`)}">
</picture>
<figcaption>${escape(caption)}</figcaption>
</figure>`;
}

function dataUrl(svg: string): string {
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
}

function list(name: string, items: readonly string[]): string {
  if (items.length === 0) return '';
  return `<ul class="${name}">\n${items.map((item) => `<li>${escape(item)}</li>`).join('\n')}\n</ul>`;
}

function table({ arms, verb }: Analysis): string {
  const rows = arms.map(({ arm, runs, median, overBest, overBase, winShare }) => [
    arm.id,
    String(runs),
    formatSeconds(median),
    overBest === undefined ? '' : formatPlain(overBest),
    overBase === undefined ? '' : formatPlain(overBase),
    winShare === undefined ? '' : `${Math.round(winShare * 100)} %`,
  ]);
  const head = [
    nounOf(verb),
    'runs',
    'median',
    'over the best (95 % interval)',
    'over the base (95 % interval)',
    'chosen',
  ];
  return tableOf(head, rows);
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string): string =>
    `<tr>${row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`;
  return `<div class="scroll"><table><thead>${cells(head, 'th')}</thead><tbody>\n${rows.map((row) => cells(row, 'td')).join('\n')}\n</tbody></table></div>`;
}

function environmentTable(environment: Environment): string {
  const { rttMs, memoryBytes } = environment;
  const rows: (readonly [string, string | undefined])[] = [
    ['processor', `${environment.cpu}, ${environment.cores} cores`],
    ['memory', formatBytes(memoryBytes)],
    ['system', environment.system],
    ['Node', environment.node],
    ['Longshore', environment.longshore],
    ['file system', environment.fileSystem],
    ['registry', environment.registry],
    ['address', environment.remoteAddress],
    ['time to connect', rttMs === undefined ? undefined : `${rttMs.toFixed(2)} ms`],
  ];
  const known = rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return `<h2>Where it was measured</h2>\n${tableOf(['', ''], known)}`;
}

const DESIGNS: Readonly<Record<TuneResults['design'], string>> = {
  blocks: 'randomised complete blocks, each arm once in each block',
  'as-published': 'as published: rising order, one run each',
  recorded: 'recorded elsewhere',
};

function howItWasMade({ design, seed }: TuneResults, { runs, blocks }: Analysis): string {
  return `Design: ${DESIGNS[design]}; ${runs} runs in ${blocks} blocks, seed ${seed}. The runs are in runs.csv, everything in results.json, the pictures' specifications in specs/.`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
