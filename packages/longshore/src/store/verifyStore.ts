import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errnoOf } from '../errors.ts';
import {
  createDigestHash,
  type Descriptor,
  type Digest,
  digestAlgorithm,
  finishDigest,
} from '../image/index.ts';
import { type BlobFile, listBlobFiles, removeBlobFile } from './blobFiles.ts';
import { ContentGraph } from './contentGraph.ts';
import { mapBounded, PLAIN_MODES } from './files.ts';
import { layoutOf } from './layout.ts';
import { ReferenceBook } from './referenceBook.ts';
import { writeError } from './storeErrors.ts';
import type { Store, StoredReference } from './types.ts';

/** Something that is not as it should be. */
export type StoreProblem =
  | {
      /** The content is not what its name says, or cannot be read. */
      readonly kind: 'damaged-blob';
      readonly digest: Digest;
      readonly size: number;
      readonly reason: string;
      /** Whether it was removed, so that the next pull fetches it again. */
      readonly repaired: boolean;
    }
  | {
      /** A reference cannot be used without this, and it is not there. */
      readonly kind: 'missing-blob';
      readonly digest: Digest;
      readonly size: number;
      /** One of the references that need it. */
      readonly reference: string;
    }
  | {
      readonly kind: 'invalid-manifest';
      readonly digest: Digest;
      readonly reference: string;
      readonly reason: string;
    }
  | { readonly kind: 'damaged-reference'; readonly file: string; readonly repaired: boolean }
  | { readonly kind: 'foreign-file'; readonly path: string };

export interface VerifyOptions {
  /**
   * Removes damaged blobs and references, so that the next pull brings them anew.
   * @defaultValue false
   */
  readonly repair?: boolean | undefined;
  /** Blobs read at once. @defaultValue 2 */
  readonly width?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

export interface VerifyResult {
  readonly blobs: number;
  readonly bytes: number;
  readonly references: number;
  readonly problems: readonly StoreProblem[];
}

const READ_BYTES = 1024 * 1024;

/**
 * Reads and hashes every blob, and looks whether all that references need is there. Entries of an index
 * that were not pulled (other platforms) are no problem.
 * @throws LongshoreError `ERR_STORE_READ`, and with `repair` the errors of writing; the signal's reason
 */
export async function verifyStore(
  store: Store,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const layout = layoutOf(store.path);
  const { blobs, foreign } = await listBlobFiles(layout);
  const bytes = blobs.reduce((sum, blob) => sum + blob.size, 0);
  let done = 0;
  const onBytes = (count: number): void => {
    done += count;
    options.onProgress?.(done, bytes);
  };
  const damaged = await mapBounded(blobs, options.width ?? 2, (blob) =>
    checkBlob(blob, options, onBytes),
  );
  const references = await store.references();
  const problems = [
    ...damaged.filter((problem) => problem !== undefined),
    ...(await checkReferences(store, references, options.signal)),
    ...(await checkReferenceFiles(store, references, options)),
    ...foreign.map((path) => ({ kind: 'foreign-file' as const, path })),
  ];
  return { blobs: blobs.length, bytes, references: references.length, problems };
}

async function checkBlob(
  blob: BlobFile,
  options: VerifyOptions,
  onBytes: (count: number) => void,
): Promise<StoreProblem | undefined> {
  const reason = await findDamage(blob, options.signal, onBytes);
  if (reason === undefined) return undefined;
  const { digest, size, path, inode } = blob;
  let repaired = false;
  if (options.repair === true) {
    try {
      repaired = await removeBlobFile(blob, (found) => found.inode === inode);
    } catch (cause) {
      throw writeError(cause, path);
    }
  }
  return { kind: 'damaged-blob', digest, size, reason, repaired };
}

/** Why a blob is not good; `undefined` when it is, or when it is gone by now. */
async function findDamage(
  { digest, path }: BlobFile,
  signal: AbortSignal | undefined,
  onBytes: (count: number) => void,
): Promise<string | undefined> {
  const hash = createDigestHash(digest);
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  try {
    const file = await open(path, 'r');
    try {
      for (;;) {
        signal?.throwIfAborted();
        const { bytesRead } = await file.read(buffer, 0, READ_BYTES);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
        onBytes(bytesRead);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (errnoOf(error) === 'ENOENT') return undefined;
    return error instanceof Error ? error.message : String(error);
  }
  const found = finishDigest(digestAlgorithm(digest), hash);
  return found === digest ? undefined : `its content is ${found}`;
}

async function checkReferences(
  store: Store,
  references: readonly StoredReference[],
  signal: AbortSignal | undefined,
): Promise<StoreProblem[]> {
  const graph = new ContentGraph(store);
  const problems: StoreProblem[] = [];
  const seen = new Set<Digest>();
  for (const { name, descriptor } of references) {
    const queue: { blob: Descriptor; required: boolean }[] = [{ blob: descriptor, required: true }];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      signal?.throwIfAborted();
      const { blob, required } = next;
      const { digest, size } = blob;
      if (seen.has(digest)) continue;
      const isThere = (await store.stat(digest)) !== undefined;
      if (isThere || required) seen.add(digest);
      if (!isThere && required) {
        problems.push({ kind: 'missing-blob', digest, size, reference: name });
      }
      if (!isThere) continue;
      const children = await graph.children(blob);
      if (children.invalid !== undefined) {
        const reason = children.invalid;
        problems.push({ kind: 'invalid-manifest', digest, reference: name, reason });
      }
      for (const child of children.required) queue.push({ blob: child, required: true });
      for (const child of children.optional) queue.push({ blob: child, required: false });
    }
  }
  return problems;
}

async function checkReferenceFiles(
  store: Store,
  references: readonly StoredReference[],
  options: VerifyOptions,
): Promise<StoreProblem[]> {
  const layout = layoutOf(store.path);
  const book = new ReferenceBook(layout, PLAIN_MODES);
  const good = new Set(references.map(({ name }) => book.fileNameOf(name)));
  const problems: StoreProblem[] = [];
  for (const file of await book.fileNames()) {
    if (good.has(file) || (await book.isReadable(file))) continue;
    const repaired = options.repair === true && (await book.removeFile(file));
    problems.push({ kind: 'damaged-reference', file: join(basename(layout.refs), file), repaired });
  }
  return problems;
}
