import { type Digest, isDigest } from '../image/index.ts';
import type { PrefixDigest } from './frontierHash.ts';
import { RangeSet } from './rangeSet.ts';
import type { ByteRange } from './types.ts';

/** `state.json` of an ingest: for which blob it is, and what of it survives a crash of the machine. */
export interface IngestState {
  readonly digest: Digest;
  readonly size: number;
  /** Boot of the machine that wrote it; what is only in `pieces` is trusted within the same boot. */
  readonly bootId: string | undefined;
  /** What was synced to the disk when this was written. */
  readonly synced: readonly ByteRange[];
  /** Digests of the first bytes, by offset; each covers what was synced. */
  readonly checkpoints: readonly PrefixDigest[];
}

const VERSION = 1;

export function formatIngestState(state: IngestState): string {
  const { digest, size, bootId, synced, checkpoints } = state;
  return `${JSON.stringify(
    {
      version: VERSION,
      digest,
      size,
      boot: bootId ?? null,
      synced: synced.map(({ start, end }) => [start, end]),
      checkpoints: checkpoints.map(({ offset, prefix }) => [offset, prefix]),
    },
    undefined,
    1,
  )}\n`;
}

/** Reads `state.json`; `undefined` for what is damaged or of another version. */
export function parseIngestState(text: string): IngestState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const { digest, size, boot } = fields;
  if (fields['version'] !== VERSION || !isDigest(digest) || !isOffset(size)) return undefined;
  if (boot !== null && typeof boot !== 'string') return undefined;
  const synced = readPairs(fields['synced']).flatMap(([start, end]) =>
    isOffset(start) && isOffset(end) && start < end ? [{ start, end }] : [],
  );
  const checkpoints = readPairs(fields['checkpoints']).flatMap(([offset, prefix]) =>
    isOffset(offset) && isDigest(prefix) ? [{ offset, prefix }] : [],
  );
  checkpoints.sort((a, b) => a.offset - b.offset);
  return { digest, size, bootId: boot ?? undefined, synced, checkpoints };
}

function readPairs(value: unknown): [unknown, unknown][] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) =>
    Array.isArray(item) && item.length === 2 ? [[item[0], item[1]] as [unknown, unknown]] : [],
  );
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function formatPiece(range: ByteRange): string {
  return `${range.start} ${range.end}\n`;
}

/**
 * Reads `pieces`: a line a range, `start end`. A last line without its end of line was torn by a
 * crash and does not count, nor does any line that is not a range.
 */
export function parsePieces(text: string): RangeSet {
  const ranges = new RangeSet();
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const match = /^(\d{1,16}) (\d{1,16})$/.exec(line);
    if (match === null) continue;
    const start = Number(match[1]);
    const end = Number(match[2]);
    if (isOffset(start) && isOffset(end)) ranges.add(start, end);
  }
  return ranges;
}

/** What an ingest folder holds, as read. */
export interface IngestRecord {
  readonly state: IngestState | undefined;
  readonly pieces: RangeSet;
  /** Length of `data` in bytes. */
  readonly dataBytes: number;
}

/**
 * Which bytes of a leftover ingest may be gone on from: none when it is of another blob or size, all
 * noted pieces when the machine has not been booted since, else only what was synced.
 */
export function trustedRanges(
  record: IngestRecord,
  blob: { readonly digest: Digest; readonly size: number },
  bootId: string | undefined,
): RangeSet {
  const { state, pieces, dataBytes } = record;
  if (state === undefined || state.digest !== blob.digest || state.size !== blob.size) {
    return new RangeSet();
  }
  const ranges = new RangeSet(state.synced);
  if (state.bootId === bootId)
    for (const piece of pieces.toArray()) ranges.add(piece.start, piece.end);
  return ranges.clippedTo(Math.min(dataBytes, blob.size));
}
