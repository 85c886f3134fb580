import { open } from 'node:fs/promises';
import { LongshoreError } from '../../errors.ts';
import type { BlobBody } from '../../registry/index.ts';

/** Two pieces a stream are in memory; larger ones hide how slowly a registry takes them. */
const PIECE_BYTES: number = 128 * 1024;

/**
 * A blob of the store as the body of an upload, read while it is sent.
 * @param onPiece told of each piece that was handed on, with the offset behind it
 */
export function fileBody(path: string, onPiece: (bytes: number, offset: number) => void): BlobBody {
  return {
    async *read(start, end) {
      await using file = await open(path, 'r');
      for (let at = start; at < end; ) {
        // New memory for each piece: the socket may hold on to the one before.
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - at));
        const { bytesRead } = await file.read(piece, 0, piece.byteLength, at);
        if (bytesRead === 0) throw tooShort(path, at);
        at += bytesRead;
        yield piece.subarray(0, bytesRead);
        onPiece(bytesRead, at);
      }
    },
  };
}

function tooShort(path: string, at: number): LongshoreError {
  return new LongshoreError(`${path} ends after ${at} bytes, before it should`, {
    code: 'ERR_BLOB_TRUNCATED',
    origin: 'store',
    hint: 'The store is damaged: longshore cache verify --repair, then pull or build again',
  });
}
