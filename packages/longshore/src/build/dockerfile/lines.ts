/** Reads a file line by line; `take` past the end gives `undefined`. */
export class LineReader {
  readonly #lines: readonly string[];
  #next = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  /** The number of the line that was taken last, from 1. */
  get line(): number {
    return this.#next;
  }

  take(): string | undefined {
    const line = this.#lines[this.#next];
    if (line !== undefined) this.#next++;
    return line;
  }
}

export interface LogicalLine {
  readonly text: string;
  readonly line: number;
}

/**
 * The next line that says something, its continuations joined to it. Comments and empty lines are
 * skipped, also between continuations (an empty one there is an old mistake that Docker bears).
 */
export function takeLogicalLine(reader: LineReader, escape: string): LogicalLine | undefined {
  for (let raw = reader.take(); raw !== undefined; raw = reader.take()) {
    if (isComment(raw)) continue;
    const { line } = reader;
    const first = splitContinuation(raw.trimStart(), escape);
    if (!first.continues && first.text.trim() === '') continue;
    return { text: join(first, reader, escape), line };
  }
  return undefined;
}

function join(first: Piece, reader: LineReader, escape: string): string {
  let { text, continues } = first;
  while (continues) {
    const raw = reader.take();
    if (raw === undefined) break;
    if (isComment(raw) || raw.trim() === '') continue;
    const piece = splitContinuation(raw, escape);
    text += piece.text;
    ({ continues } = piece);
  }
  return text;
}

interface Piece {
  readonly text: string;
  readonly continues: boolean;
}

/** A line goes on when its last visible character is one escape that is not escaped itself. */
function splitContinuation(line: string, escape: string): Piece {
  const end = line.replace(/[ \t\r]+$/, '');
  const continues = end.endsWith(escape) && !end.endsWith(escape + escape);
  return { text: continues ? end.slice(0, -1) : line, continues };
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('#');
}
