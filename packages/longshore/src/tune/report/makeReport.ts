import { type Analysis, analyse } from '../analyse.ts';
import { formatCsv } from '../csv.ts';
import type { TuneResults } from '../types.ts';
import { openPainter, type Painter } from './draw.ts';
import { type DrawnPicture, htmlReport } from './html.ts';
import { makePictures, type Picture } from './specs.ts';
import { DARK, LIGHT } from './theme.ts';

export interface ReportOptions {
  readonly analysis?: Analysis;
  /** Draw pictures; without them the report has its words and tables. @defaultValue true */
  readonly pictures?: boolean;
}

/**
 * Everything that a report is made of, by file name: `report.html` (self-contained), `runs.csv`,
 * `results.json`, and for each picture SVG and PNG, light and dark, with its specification.
 * @throws LongshoreError `ERR_TUNE_PICTURES` where pictures are asked for and cannot be drawn
 */
export async function makeReport(
  results: TuneResults,
  { analysis = analyse(results), pictures = true }: ReportOptions = {},
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const files = new Map<string, string | Uint8Array>();
  files.set('results.json', `${JSON.stringify(results, undefined, 1)}\n`);
  files.set('runs.csv', formatCsv(results));
  const drawn = pictures && analysis.arms.length > 0 ? await drawAll(results, analysis, files) : [];
  files.set('report.html', htmlReport(results, analysis, drawn));
  return files;
}

async function drawAll(
  results: TuneResults,
  analysis: Analysis,
  files: Map<string, string | Uint8Array>,
): Promise<DrawnPicture[]> {
  const painter = await openPainter();
  const light = makePictures(results, analysis, LIGHT);
  const dark = makePictures(results, analysis, DARK);
  const drawn: DrawnPicture[] = [];
  for (const [i, picture] of light.entries()) {
    const other = dark[i] ?? picture;
    const pair = [picture, other].map(({ spec }) => painter.svg(spec));
    const [day = '', night = ''] = await Promise.all(pair);
    keep(files, { picture, svg: day, painter, theme: LIGHT });
    keep(files, { picture: other, svg: night, painter, theme: DARK });
    drawn.push({ title: picture.title, caption: picture.caption, light: day, dark: night });
  }
  return drawn;
}

function keep(
  files: Map<string, string | Uint8Array>,
  drawn: {
    readonly picture: Picture;
    readonly svg: string;
    readonly painter: Painter;
    readonly theme: typeof LIGHT;
  },
): void {
  const { picture, svg, painter, theme } = drawn;
  const name = theme.name === 'light' ? picture.name : `${picture.name}-dark`;
  files.set(`pictures/${name}.svg`, svg);
  files.set(`pictures/${name}.png`, painter.png(svg, theme.background));
  files.set(`specs/${name}.vl.json`, `${JSON.stringify(picture.spec, undefined, 1)}\n`);
}
