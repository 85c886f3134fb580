import { stripVTControlCharacters } from 'node:util';

let graphemes: Intl.Segmenter | undefined;

/** Made when it is first needed: most runs show ASCII alone, and loading its data takes 20 ms and more. */
function splitGraphemes(text: string): Iterable<Intl.SegmentData> {
  graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return graphemes.segment(text);
}

/**
 * Text from outside made fit for a terminal: escape sequences removed; line breaks, other control
 * characters and marks that reorder what follows (bidirectional overrides) made a space.
 */
export function cleanText(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f]+/gu, ' ')
    .trim();
}

/** Ranges of code points that terminals draw two cells wide (Unicode East Asian Width W and F). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x17000, 0x18cff],
  [0x1b000, 0x1b2ff],
  [0x20000, 0x3fffd],
];

/** Printable ASCII, the ellipsis and the blocks of a bar: nearly all that is ever measured. */
const NARROW = /^[\x20-\x7e\u2026\u2580-\u259f]*$/;

/** Terminal cells that clean text takes. */
export function textWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const { segment } of splitGraphemes(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  if (/^[\p{M}\p{Cf}]/u.test(grapheme)) return 0;
  if (/\p{Emoji_Presentation}|\ufe0f/u.test(grapheme)) return 2;
  return WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

/** Cuts text to at most `width` cells, the end replaced by `mark` where something was cut. */
export function truncateText(text: string, width: number, mark = '…'): string {
  if (textWidth(text) <= width) return text;
  const room = width - textWidth(mark);
  if (room < 0) return '';
  let taken = '';
  let used = 0;
  for (const { segment } of splitGraphemes(text)) {
    const next = used + graphemeWidth(segment);
    if (next > room) break;
    taken += segment;
    used = next;
  }
  return taken + mark;
}

/** As `truncateText`, but the start is cut: of an image's name the end tells more. */
export function truncateStart(text: string, width: number, mark = '…'): string {
  if (textWidth(text) <= width) return text;
  let room = width - textWidth(mark);
  if (room < 0) return '';
  const segments = Array.from(splitGraphemes(text), ({ segment }) => segment);
  let from = segments.length;
  for (let i = segments.length - 1; i >= 0; i--) {
    room -= graphemeWidth(segments[i] ?? '');
    if (room < 0) break;
    from = i;
  }
  return mark + segments.slice(from).join('');
}

/** Cut at its start, or filled up with spaces, to exactly `width` cells. */
export function fitText(text: string, width: number, mark = '…'): string {
  const cut = truncateStart(text, width, mark);
  return cut + ' '.repeat(Math.max(0, width - textWidth(cut)));
}
