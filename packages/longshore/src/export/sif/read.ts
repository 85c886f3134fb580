import { type FileHandle, open } from 'node:fs/promises';
import type { Digest } from '../../image/index.ts';

const HEADER_BYTES = 128;
const DESCRIPTOR_BYTES = 585;
const MAX_DESCRIPTORS = 1024;
const LABELS = 0x4003;
const MAX_LABELS_BYTES = 1024 * 1024;

/** The label in which a SIF keeps the digest of the image it was made from. */
export const BASE_DIGEST_LABEL = 'org.opencontainers.image.base.digest';

/**
 * Whether a file is a SIF that was made from the image of that digest. False for anything that is
 * not there, is no SIF, or cannot be read: it will be made again.
 */
export async function isSifOf(path: string, digest: Digest): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch {
    return false;
  }
  try {
    const labels = await readLabels(file);
    return labels !== undefined && labels[BASE_DIGEST_LABEL] === digest;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

async function readLabels(file: FileHandle): Promise<Record<string, unknown> | undefined> {
  const header = await readAt(file, 0, HEADER_BYTES);
  if (header.toString('latin1', 32, 41) !== 'SIF_MAGIC') return undefined;
  const count = Math.min(Number(header.readBigInt64LE(88)), MAX_DESCRIPTORS);
  const table = await readAt(file, Number(header.readBigInt64LE(96)), count * DESCRIPTOR_BYTES);
  for (let at = 0; at < table.length; at += DESCRIPTOR_BYTES) {
    if (table[at + 4] === 0 || table.readInt32LE(at) !== LABELS) continue;
    const size = Math.min(Number(table.readBigInt64LE(at + 25)), MAX_LABELS_BYTES);
    const bytes = await readAt(file, Number(table.readBigInt64LE(at + 17)), size);
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  }
  return undefined;
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, offset);
  if (bytesRead < length) throw new RangeError('the file is too short');
  return bytes;
}
