import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';

/** A line that never ends is passed on in pieces of this length. */
const MAX_LINE_CHARS = 8192;

/**
 * Cuts what a program prints into lines, without line ends and colour codes. Of a line that is
 * written over with carriage returns (progress bars) each state that has text is one.
 */
export class OutputLines {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#emit(line);
    if (this.#rest.length < MAX_LINE_CHARS) return;
    this.#emit(this.#rest);
    this.#rest = '';
  }

  /** What came after the last line end. */
  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (rest !== '') this.#emit(rest);
  }

  #emit(line: string): void {
    const clean = stripVTControlCharacters(line).trimEnd();
    for (let at = 0; at < clean.length; at += MAX_LINE_CHARS) {
      this.#onLine(clean.slice(at, at + MAX_LINE_CHARS));
    }
  }
}

/** Keeps the last few lines, for the message of a build that fails. */
export class LastLines {
  readonly #most: number;
  #lines: string[] = [];

  constructor(most = 20) {
    this.#most = most;
  }

  push(line: string): void {
    this.#lines.push(line.length > MAX_KEPT_CHARS ? `${line.slice(0, MAX_KEPT_CHARS)}...` : line);
    if (this.#lines.length > this.#most) this.#lines.shift();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }
}

const MAX_KEPT_CHARS = 500;
