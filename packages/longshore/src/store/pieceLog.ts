import { closeSync, fchmodSync, openSync, writeSync } from 'node:fs';
import { formatPiece } from './ingestRecord.ts';

/** A stream writes a line for about this much progress: what `kill -9` can cost it. */
const PIECE_BYTES = 512 * 1024;

/** More open runs than this are written early, so that looking for one stays cheap. */
const MAX_OPEN_RUNS = 64;

/**
 * Appends to `pieces` what has landed in `data`. The file is made with its first line, so a blob that
 * is smaller than a piece costs nothing here.
 */
export class PieceLog {
  readonly #path: string;
  readonly #mode: number | undefined;
  readonly #beforeFirstLine: () => void;
  readonly #runs: { start: number; end: number }[] = [];
  #fd: number | undefined;

  /**
   * @param mode permission bits of the file; the umask's where it is `undefined`
   * @param beforeFirstLine makes sure that `state.json` is there, without which pieces mean nothing
   */
  constructor(path: string, mode: number | undefined, beforeFirstLine: () => void) {
    this.#path = path;
    this.#mode = mode;
    this.#beforeFirstLine = beforeFirstLine;
  }

  note(start: number, end: number): void {
    let run = this.#runs.find((candidate) => candidate.end === start);
    if (run === undefined) {
      run = { start, end };
      this.#runs.push(run);
    } else {
      run.end = end;
    }
    if (run.end - run.start >= PIECE_BYTES) {
      this.#runs.splice(this.#runs.indexOf(run), 1);
      this.#append(formatPiece(run));
    } else if (this.#runs.length > MAX_OPEN_RUNS) {
      this.flush();
    }
  }

  /** Writes what is not worth a line of its own yet. */
  flush(): void {
    const lines = this.#runs.splice(0).map(formatPiece).join('');
    if (lines !== '') this.#append(lines);
  }

  close(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  #append(lines: string): void {
    if (this.#fd === undefined) {
      this.#beforeFirstLine();
      this.#fd = openSync(this.#path, 'a', 0o666);
      if (this.#mode !== undefined) fchmodSync(this.#fd, this.#mode);
    }
    writeSync(this.#fd, lines);
  }
}
