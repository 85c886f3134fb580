import { chmodSync, writeFileSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../errors.ts';
import type { Descriptor } from '../image/index.ts';
import { listFolder, removeFolderQuietly, removeQuietly, replaceFile } from './files.ts';
import type { PrefixDigest } from './frontierHash.ts';
import {
  formatIngestState,
  formatPiece,
  type IngestRecord,
  type IngestState,
  parseIngestState,
  parsePieces,
} from './ingestRecord.ts';
import { PieceLog } from './pieceLog.ts';
import type { ByteRange } from './types.ts';

const DATA = 'data';
const STATE = 'state.json';
const PIECES = 'pieces';

/** The part of `state.json` that holds after a crash of the machine. */
export type DurableRecord = Pick<IngestState, 'synced' | 'checkpoints'>;

/** The files of one ingest: `data`, `state.json` and `pieces` in a folder named by its lease's token. */
export class IngestFolder {
  readonly path: string;
  readonly dataPath: string;
  readonly pieces: PieceLog;
  readonly #mode: number | undefined;
  #state: IngestState;
  #stateWritten = false;

  constructor(
    path: string,
    descriptor: Descriptor,
    { bootId, mode }: { readonly bootId: string | undefined; readonly mode: number | undefined },
  ) {
    this.path = path;
    this.dataPath = join(path, DATA);
    this.#mode = mode;
    const { digest, size } = descriptor;
    this.#state = { digest, size, bootId, synced: [], checkpoints: [] };
    this.pieces = new PieceLog(join(path, PIECES), mode, () => this.#writeStateNow());
  }

  /** Starts from what an earlier holder left and what of it is trusted. */
  async resume(trusted: readonly ByteRange[], durable: DurableRecord): Promise<void> {
    const lines = trusted.map(formatPiece).join('');
    this.#state = { ...this.#state, ...durable };
    this.#stateWritten = true;
    const options = { mode: this.#mode, syncFolder: false };
    await replaceFile(join(this.path, STATE), formatIngestState(this.#state), options);
    await replaceFile(join(this.path, PIECES), lines, options);
  }

  /** Records what has just been synced; the digest of the hashed prefix lies within it. */
  async recordCheckpoint(
    synced: readonly ByteRange[],
    prefix: PrefixDigest | undefined,
  ): Promise<void> {
    const known = this.#state.checkpoints;
    const isNew = prefix !== undefined && prefix.offset > (known.at(-1)?.offset ?? 0);
    const checkpoints = isNew ? [...known, prefix] : known;
    this.#state = { ...this.#state, synced, checkpoints };
    this.#stateWritten = true;
    const mode = this.#mode;
    await replaceFile(join(this.path, STATE), formatIngestState(this.#state), { mode });
  }

  /** Writes the last pieces, for whoever goes on. Losing them costs fetching again, nothing else. */
  flushPieces(): void {
    try {
      this.pieces.flush();
    } catch {
      // A full disk, or a folder that a new holder has moved away.
    }
  }

  /** Removes the folder, and the one around it when nothing else is in it. */
  async remove(): Promise<void> {
    if (this.#stateWritten) {
      // Once the data is published these two are all; looking for more is left out where they are.
      for (const name of [PIECES, STATE]) await removeQuietly(join(this.path, name));
    }
    if (!(await removeFolderQuietly(this.path))) {
      await rm(this.path, { recursive: true, force: true });
    }
    await removeFolderQuietly(dirname(this.path));
  }

  #writeStateNow(): void {
    if (this.#stateWritten) return;
    this.#stateWritten = true;
    const path = join(this.path, STATE);
    writeFileSync(path, formatIngestState(this.#state));
    if (this.#mode !== undefined) chmodSync(path, this.#mode);
  }
}

/**
 * What all folders in `home` hold, for whoever only tells of it and has no lease. Those that cannot be
 * read are left out: another user's folder is opened to the group a moment after it is there.
 */
export async function readIngestRecords(home: string): Promise<IngestRecord[]> {
  const records: IngestRecord[] = [];
  try {
    for (const token of await listFolder(home)) {
      records.push(await readIngestRecord(join(home, token)));
    }
  } catch {
    // Not ours to read yet, or gone meanwhile.
  }
  return records;
}

/** Reads what an ingest folder holds, without judging it. */
export async function readIngestRecord(path: string): Promise<IngestRecord> {
  const [stateText, piecesText, dataBytes] = await Promise.all([
    readOptional(join(path, STATE)),
    readOptional(join(path, PIECES)),
    sizeOf(join(path, DATA)),
  ]);
  return { state: parseIngestState(stateText), pieces: parsePieces(piecesText), dataBytes };
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}
