import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { ExportNote } from '../events.ts';
import type { ExportImage } from '../image.ts';
import type { FileTree } from '../layer/fileTree.ts';
import type { LayerSource } from '../layer/source.ts';
import { type WriteSquashfsOptions, writeSquashfs } from '../squashfs/write.ts';
import { finishSif, PARTITION_OFFSET } from './format.ts';
import { sifObjects, stableUuid } from './metadata.ts';

export interface WriteSifOptions extends WriteSquashfsOptions {
  readonly image: ExportImage;
  /** Takes identity and times from the image, so that equal images give equal files. */
  readonly reproducible: boolean;
}

/**
 * Writes a flattened image as a SIF to `partial`, which must not exist. With `mksquashfs` the
 * squashfs is written in its final place and the file is finished around it; `tar2sqfs` cannot
 * start at an offset, so its output is copied once.
 */
export async function writeSif(
  content: { readonly tree: FileTree; readonly sources: readonly LayerSource[] },
  partial: string,
  options: WriteSifOptions,
): Promise<ExportNote[]> {
  if (options.converter.name === 'mksquashfs') {
    const notes = await writeSquashfs(content, partial, {
      ...options,
      offsetBytes: PARTITION_OFFSET,
    });
    await finish(partial, options);
    return notes;
  }
  const squashfs = `${partial}.squashfs`;
  try {
    const notes = await writeSquashfs(content, squashfs, options);
    await copyTo(squashfs, partial, options.signal);
    await finish(partial, options);
    return notes;
  } finally {
    await rm(squashfs, { force: true });
  }
}

async function finish(partial: string, options: WriteSifOptions): Promise<void> {
  const { image, reproducible, nowMs } = options;
  const file = await open(partial, 'r+');
  try {
    const placed = finishSif({
      architecture: image.config.architecture,
      partitionEnd: (await file.stat()).size,
      objects: sifObjects(image),
      uuid: reproducible ? stableUuid(image) : randomUuid(),
      createdAt: reproducible ? (image.config.createdAt ?? 0) : Math.floor(nowMs / 1000),
    });
    for (const { offset, bytes } of placed) await writeAt(file, bytes, offset);
  } finally {
    await file.close();
  }
}

async function copyTo(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  const file = await open(to, 'wx', 0o600);
  try {
    let at = PARTITION_OFFSET;
    const source = createReadStream(from, { highWaterMark: 1024 * 1024, signal });
    for await (const chunk of source) {
      const bytes: Buffer = chunk;
      await writeAt(file, bytes, at);
      at += bytes.length;
    }
  } finally {
    await file.close();
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, offset + at);
    at += bytesWritten;
  }
}

function randomUuid(): Buffer {
  const uuid = randomBytes(16);
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x40;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}
