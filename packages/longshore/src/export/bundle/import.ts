import { createReadStream } from 'node:fs';
import { isLongshoreError, LongshoreError } from '../../errors.ts';
import {
  type Descriptor,
  type Digest,
  formatReference,
  isDigest,
  MAX_MANIFEST_BYTES,
  parseManifest,
  parseReference,
} from '../../image/index.ts';
import type { Store } from '../../store/index.ts';
import { decompress } from '../layer/decompress.ts';
import { showName } from '../tar/errors.ts';
import { TarReader } from '../tar/reader.ts';
import type { TarEntry } from '../tar/types.ts';
import { collectContent } from './content.ts';
import { BlobSink } from './sink.ts';

export interface ImportBundleRequest {
  readonly store: Store;
  /** The bundle; it may be compressed with gzip or zstd. */
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
}

export interface ImportBundleResult {
  /** References that the store now has. */
  readonly references: readonly string[];
  /** Blobs that were taken in, and those that were there already. */
  readonly added: number;
  readonly present: number;
}

const DAMAGES = new Set(['ERR_TAR_INVALID', 'ERR_LAYER_CORRUPT']);
const NAME = 'org.opencontainers.image.ref.name';
const BLOB = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/;

/**
 * Takes a bundle into a store. Every blob is checked against its digest as it comes; a reference
 * is set only once all that it leads to is there, so a bundle that was made against another
 * store's inventory can leave no half image behind.
 * @throws LongshoreError `ERR_BUNDLE_INVALID`, `ERR_BUNDLE_INCOMPLETE`, `ERR_DIGEST_MISMATCH`,
 *   `ERR_TAR_INVALID`, `ERR_DISK_FULL`
 */
export async function importBundle(request: ImportBundleRequest): Promise<ImportBundleResult> {
  const { store, path, signal } = request;
  const sink = new BlobSink(store, signal);
  const index: Buffer[] = [];
  const steps: (() => Promise<void>)[] = [];
  let target: 'blob' | 'index' | 'none' = 'none';
  const reader = new TarReader({
    onEntry: (entry) => {
      target = targetOf(entry);
      const digest = target === 'blob' ? digestOfPath(entry.path) : undefined;
      steps.push(() => sink.begin(digest, entry.size));
    },
    onData: (chunk) => {
      if (target === 'blob') steps.push(() => sink.write(chunk));
      else if (target === 'index') index.push(Buffer.from(chunk));
    },
  });
  const source = createReadStream(path, { highWaterMark: 1024 * 1024, signal });
  try {
    for await (const chunk of decompress(source)) {
      reader.write(chunk);
      for (const step of steps.splice(0)) await step();
    }
    reader.end();
    await sink.end();
  } catch (error) {
    await sink.giveUp();
    throw damaged(error);
  }
  const references = await publish(store, readIndex(Buffer.concat(index)));
  return { references, added: sink.added, present: sink.present };
}

function targetOf(entry: TarEntry): 'blob' | 'index' | 'none' {
  if (entry.type === 'directory') return 'none';
  if (entry.type !== 'file' || entry.sparse !== undefined) throw unexpected(entry.path);
  if (entry.path === 'oci-layout') return 'none';
  if (entry.path !== 'index.json') return 'blob';
  if (entry.size > MAX_MANIFEST_BYTES) throw invalid('its index.json is over 4 MiB');
  return 'index';
}

function digestOfPath(path: string): Digest {
  const match = BLOB.exec(path);
  const digest = `${match?.[1]}:${match?.[2]}`;
  if (!isDigest(digest)) throw unexpected(path);
  return digest;
}

function readIndex(bytes: Buffer): readonly Descriptor[] {
  if (bytes.length === 0) throw invalid('it has no index.json');
  const index = parseManifest(bytes);
  if (index.kind !== 'index') throw invalid('its index.json is no index');
  return index.manifests;
}

async function publish(store: Store, images: readonly Descriptor[]): Promise<string[]> {
  const references: string[] = [];
  for (const image of images) {
    const reference = image.annotations?.[NAME];
    if (reference === undefined) throw invalid(`${image.digest} has no name in it`);
    const name = formatReference(parseReference(reference));
    const { missing } = await collectContent(store, image);
    if (missing.length > 0) throw incomplete(reference, missing);
    references.push(name);
  }
  for (const [i, reference] of references.entries()) {
    const { mediaType, digest, size } = images[i] ?? images[0] ?? fail();
    await store.setReference(reference, { mediaType, digest, size });
  }
  return references;
}

function fail(): never {
  throw invalid('it names no images');
}

function incomplete(reference: string, missing: readonly Descriptor[]): LongshoreError {
  return new LongshoreError(
    `The bundle lacks ${missing.length} blobs of ${reference} that this store has not either, the first is ${missing[0]?.digest}`,
    {
      code: 'ERR_BUNDLE_INCOMPLETE',
      origin: 'input',
      hint: 'It was made for a store that has more; make it again with an inventory of this one, or with none',
    },
  );
}

/** A bundle is read as layers are, but it was carried: what is wrong with it has happened on its way. */
function damaged(error: unknown): unknown {
  if (!isLongshoreError(error) || !DAMAGES.has(error.code)) return error;
  return new LongshoreError(`The bundle is damaged: ${error.message}`, {
    code: error.code,
    origin: 'input',
    hint: 'Copy it once more, and import it again: what came whole is kept',
    cause: error,
  });
}

function unexpected(path: string): LongshoreError {
  return invalid(`it holds ${showName(path)}`);
}

function invalid(reason: string): LongshoreError {
  return new LongshoreError(`Not a bundle: ${reason}`, {
    code: 'ERR_BUNDLE_INVALID',
    origin: 'input',
    hint: 'A bundle is what `longshore bundle create` writes',
  });
}
