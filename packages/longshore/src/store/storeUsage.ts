import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Descriptor, Digest } from '../image/index.ts';
import { listBlobFiles } from './blobFiles.ts';
import { ContentGraph } from './contentGraph.ts';
import { PLAIN_MODES } from './files.ts';
import { readIngestRecords } from './ingestFolder.ts';
import { digestFromKey, layoutOf, type StoreLayout } from './layout.ts';
import { ReferenceBook } from './referenceBook.ts';
import type { Store } from './types.ts';

export interface ReferenceUsage {
  readonly name: string;
  readonly descriptor: Descriptor;
  /** When it was last set or touched, in milliseconds since the epoch. */
  readonly usedAtMs: number;
  /** Bytes of everything that it reaches and that is there. */
  readonly bytes: number;
  /** Bytes among them that no other reference reaches: what removing it would free. */
  readonly ownBytes: number;
}

export interface StoreUsage {
  readonly references: readonly ReferenceUsage[];
  readonly blobs: number;
  readonly bytes: number;
  /** Bytes of blobs that no reference reaches. */
  readonly unreferencedBytes: number;
  /** Unfinished downloads and what they hold. */
  readonly partial: readonly { readonly digest: Digest; readonly bytes: number }[];
}

/** What is in a store and what it costs; reads manifests, not layers. */
export async function readStoreUsage(store: Store): Promise<StoreUsage> {
  const layout = layoutOf(store.path);
  const { blobs } = await listBlobFiles(layout);
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
  const graph = new ContentGraph(store);
  const users = new Map<Digest, number>();
  const reached: { name: string; descriptor: Descriptor; usedAtMs: number; digests: Digest[] }[] =
    [];
  for (const reference of await new ReferenceBook(layout, PLAIN_MODES).list()) {
    const { name, descriptor, usedAtMs } = reference;
    const needed = (await graph.reachReference(reference)).keys();
    const digests = [...needed].filter((digest) => sizes.has(digest));
    for (const digest of digests) users.set(digest, (users.get(digest) ?? 0) + 1);
    reached.push({ name, descriptor, usedAtMs, digests });
  }
  const sum = (digests: readonly Digest[]): number =>
    digests.reduce((total, digest) => total + (sizes.get(digest) ?? 0), 0);
  const references = reached.map(({ name, descriptor, usedAtMs, digests }) => {
    const own = digests.filter((digest) => users.get(digest) === 1);
    return { name, descriptor, usedAtMs, bytes: sum(digests), ownBytes: sum(own) };
  });
  return {
    references,
    blobs: blobs.length,
    bytes: sum([...sizes.keys()]),
    unreferencedBytes: sum([...sizes.keys()].filter((digest) => !users.has(digest))),
    partial: await listPartial(layout),
  };
}

async function listPartial(layout: StoreLayout): Promise<{ digest: Digest; bytes: number }[]> {
  const partial: { digest: Digest; bytes: number }[] = [];
  for (const key of (await readdir(layout.ingest)).sort()) {
    const digest = digestFromKey(key);
    if (digest === undefined) continue;
    const records = await readIngestRecords(join(layout.ingest, key));
    const bytes = records.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
    partial.push({ digest, bytes });
  }
  return partial;
}
