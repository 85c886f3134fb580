import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, LongshoreError } from '../errors.ts';
import type { JournalLine } from './ledger.ts';

/** What happened, one JSON line each, on disk before it is acted on. */
export interface Journal extends AsyncDisposable {
  /**
   * Resolves once the line is synced. Lines that come while another is synced share the next sync.
   * @throws LongshoreError `ERR_JOURNAL`, from then on for every line
   */
  write(line: JournalLine): Promise<void>;
  close(): Promise<void>;
}

/**
 * Reads a journal. A last line without its end was being written when the power went: it never
 * counted, as nothing was done before it was synced.
 * @throws LongshoreError `ERR_JOURNAL` when another line is no JSON
 */
export async function readJournal(path: string): Promise<readonly JournalLine[]> {
  const file = await openExisting(path);
  if (file === undefined) return [];
  try {
    const lines: JournalLine[] = [];
    const whole = wholeLines(await readAll(file))
      .split('\n')
      .slice(0, -1);
    for (const [i, line] of whole.entries()) lines.push(parseLine(line, { path, line: i + 1 }));
    return lines;
  } finally {
    await file.close();
  }
}

/** Opens a journal to go on with it, behind its last whole line. */
export async function openJournal(path: string): Promise<Journal> {
  try {
    const file = await open(path, 'a+', 0o600);
    const text = await readAll(file);
    const whole = Buffer.byteLength(wholeLines(text));
    if (whole < Buffer.byteLength(text)) await file.truncate(whole);
    return new FileJournal(path, file);
  } catch (cause) {
    throw journalError(path, cause);
  }
}

class FileJournal implements Journal {
  readonly #path: string;
  readonly #file: FileHandle;
  #waiting: string[] = [];
  #sync: Promise<void> | undefined;
  #failure: LongshoreError | undefined;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  async write(line: JournalLine): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#waiting.push(`${JSON.stringify(line)}\n`);
    // What is written already goes without this line; the sync after it takes it along.
    await this.#sync;
    this.#sync ??= this.#flush();
    await this.#sync;
  }

  async close(): Promise<void> {
    try {
      await this.#sync;
    } finally {
      await this.#file.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #flush(): Promise<void> {
    const text = this.#waiting.join('');
    this.#waiting = [];
    try {
      if (text !== '') {
        await this.#file.appendFile(text);
        await this.#file.datasync();
      }
    } catch (cause) {
      this.#failure = journalError(this.#path, cause);
      throw this.#failure;
    } finally {
      this.#sync = undefined;
    }
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw journalError(path, cause);
  }
}

/** As many bytes as it has now: another process may be appending. */
async function readAll(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
  return buffer.toString('utf8', 0, bytesRead);
}

function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

function parseLine(
  text: string,
  { path, line }: { readonly path: string; readonly line: number },
): JournalLine {
  try {
    const value: unknown = JSON.parse(text);
    // Written by this program, in a folder that only its user writes.
    if (typeof value === 'object' && value !== null) return value as JournalLine;
  } catch {
    // Told below.
  }
  throw new LongshoreError(`The journal ${path} is damaged in line ${line}`, {
    code: 'ERR_JOURNAL',
    origin: 'store',
    hint: 'Start a new run; what is built and pushed already is not sent again',
  });
}

function journalError(path: string, cause: unknown): LongshoreError {
  return new LongshoreError(`Cannot keep the journal ${path}: ${errnoOf(cause) ?? String(cause)}`, {
    code: 'ERR_JOURNAL',
    origin: 'disk',
    hint: 'Without it nothing could be taken up again, so the run stops; see that the disk has room',
    cause,
  });
}
