import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLongshoreError } from '../../src/errors.ts';
import { type Descriptor, type Digest, digestOf, MEDIA_TYPES } from '../../src/image/index.ts';
import type { Ingest } from '../../src/store/index.ts';

export const LAYER: string = MEDIA_TYPES.ociLayerGzip;

/** Bytes that look random but are the same for the same seed. */
export function bytesOf(length: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

export function describeBytes(bytes: Uint8Array, mediaType: string = LAYER): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

export async function makeFolder(): Promise<{
  path: string;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const path = await mkdtemp(join(tmpdir(), 'longshore-store-'));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** Makes a shell script of that name in a folder. */
export async function writeProgram(folder: string, name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Writes everything that an ingest lacks, in chunks, and commits it. */
export async function fill(
  ingest: Ingest | undefined,
  bytes: Uint8Array,
  chunk = 65_536,
): Promise<void> {
  if (ingest === undefined) throw new Error('there was nothing to ingest');
  for (const { start, end } of ingest.missing()) {
    for (let at = start; at < end; at += chunk) {
      await ingest.write(at, bytes.subarray(at, Math.min(at + chunk, end)));
    }
  }
  await ingest.commit();
}

/** For `assert.rejects` and `assert.throws`: an error for people, of this code, with a message that names `about`. */
export function failsWith(code: string, about = ''): (error: unknown) => boolean {
  return (error) => {
    if (!isLongshoreError(error) || error.code !== code || !error.message.includes(about)) {
      throw new Error(`expected ${code} about ${JSON.stringify(about)}`, { cause: error });
    }
    return true;
  };
}

export function randomDigest(): Digest {
  return digestOf(randomBytes(16));
}

export async function collect(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}
