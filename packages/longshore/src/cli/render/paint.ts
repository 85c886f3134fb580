import { textWidth, truncateText } from './text.ts';

export type Style = 'plain' | 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

const CODES: Readonly<Record<Style, string>> = {
  plain: '',
  bold: '1',
  dim: '2',
  red: '31',
  yellow: '33',
  green: '32',
  cyan: '36',
};

/** A piece of a line; measured and cut before it is painted, as escape sequences have no width. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

/** Joins spans into a line of at most `columns` cells, painted where `colour`. */
export function paintLine(
  spans: readonly Span[],
  view: { readonly columns: number; readonly colour: boolean; readonly mark: string },
): string {
  let room = view.columns;
  let line = '';
  for (const { text, style = 'plain' } of spans) {
    const cut = truncateText(text, room, view.mark);
    room -= textWidth(cut);
    const code = CODES[style];
    line += view.colour && code !== '' && cut !== '' ? `\u001B[${code}m${cut}\u001B[0m` : cut;
    if (cut !== text) break;
  }
  return line;
}
