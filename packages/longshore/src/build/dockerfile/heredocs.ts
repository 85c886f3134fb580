import type { LineReader } from './lines.ts';
import type { Heredoc } from './types.ts';
import { splitWords, unquote } from './words.ts';

const MARK = /^\d*<<(-?)([^<]+)$/;
const HOLDERS = new Set(['RUN', 'COPY', 'ADD']);

/** The heredocs that an instruction's line begins, without their contents. */
function readMarks(text: string, escape: string): { dash: boolean; raw: string }[] {
  if (!text.includes('<<')) return [];
  return splitWords(text, escape).flatMap((word) => {
    const match = MARK.exec(word);
    return match === null ? [] : [{ dash: match[1] === '-', raw: match[2] ?? '' }];
  });
}

/** Whether this instruction may have heredocs; `ONBUILD` by what it holds. */
function holdsHeredocs(keyword: string, text: string): boolean {
  if (keyword !== 'ONBUILD') return HOLDERS.has(keyword);
  return HOLDERS.has(/^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? '');
}

/**
 * Takes the heredocs of an instruction from the lines that follow it.
 * @returns what was read, and the name of one that the file ends within
 */
export function takeHeredocs(
  instruction: { readonly keyword: string; readonly text: string; readonly escape: string },
  reader: LineReader,
): { readonly heredocs: readonly Heredoc[]; readonly unfinished?: string } {
  const { keyword, text, escape } = instruction;
  if (!holdsHeredocs(keyword, text)) return { heredocs: [] };
  const heredocs: Heredoc[] = [];
  for (const { dash, raw } of readMarks(text, escape)) {
    const name = unquote(raw, escape);
    const content = takeUntil(name, dash, reader);
    if (content === undefined) return { heredocs, unfinished: name };
    heredocs.push({ name, expand: name === raw, content });
  }
  return { heredocs };
}

function takeUntil(name: string, dash: boolean, reader: LineReader): string | undefined {
  const lines: string[] = [];
  for (let raw = reader.take(); raw !== undefined; raw = reader.take()) {
    const line = dash ? raw.replace(/^\t+/, '') : raw;
    if (line.replace(/\r$/, '') === name) return lines.join('');
    lines.push(`${line}\n`);
  }
  return undefined;
}
