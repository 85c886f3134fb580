import type { Descriptor, Digest } from '../image/index.ts';
import type { RepositoryAddress } from '../registry/index.ts';
import type { PlanSummary } from './events.ts';

/** What one image needs, once its manifests are known. */
export interface ImageNeeds {
  /** Place in the input, from 0. */
  readonly image: number;
  readonly repository: RepositoryAddress;
  /** Short name for people. */
  readonly label: string;
  /** Configs and layers; manifests are in the store by then. */
  readonly blobs: readonly Descriptor[];
}

/** What the store holds of a blob. */
export interface Holding {
  readonly present: boolean;
  /** Bytes that an unfinished ingest has left. */
  readonly partialBytes: number;
}

/** One blob to bring in, whoever needs it. */
export interface PlannedBlob {
  /** Identifies the blob within the plan. */
  readonly key: string;
  readonly descriptor: Descriptor;
  /** Repositories that are said to have it, in order of first mention. */
  readonly sources: readonly RepositoryAddress[];
  /** Images that wait for it. */
  readonly images: readonly number[];
  readonly label: string;
  readonly partialBytes: number;
}

export interface PullPlan {
  /** To fetch, each once, in no particular order. */
  readonly fetch: readonly PlannedBlob[];
  readonly summary: Omit<PlanSummary, 'freeDiskBytes'>;
}

/**
 * The key of a blob in a plan. The size is part of it: where two manifests give one digest two
 * sizes, one of them lies, and the liar must not take the other's image down with it.
 */
export function blobKey(descriptor: Pick<Descriptor, 'digest' | 'size'>): string {
  return `${descriptor.digest} ${descriptor.size}`;
}

/**
 * Which blobs have to move so that every image is whole: each unique blob once, over all images
 * and repositories, less what the store holds. Pure.
 */
export function planPull(
  images: readonly ImageNeeds[],
  holding: (descriptor: Descriptor) => Holding,
): PullPlan {
  const merged = mergeBlobs(images);
  const fetch: PlannedBlob[] = [];
  const sum = { bytes: 0, presentBytes: 0, resumableBytes: 0, fetchBytes: 0 };
  for (const blob of merged.values()) {
    const { size } = blob.descriptor;
    const held = holding(blob.descriptor);
    sum.bytes += size;
    if (held.present) {
      sum.presentBytes += size;
      continue;
    }
    const partialBytes = Math.min(held.partialBytes, size);
    sum.resumableBytes += partialBytes;
    sum.fetchBytes += size - partialBytes;
    fetch.push({ ...blob, partialBytes });
  }
  return {
    fetch,
    summary: {
      images: images.length,
      blobs: merged.size,
      ...sum,
      sharedBytes: totalBytes(images) - sum.bytes,
      fetchBlobs: fetch.length,
    },
  };
}

type MergedBlob = Omit<PlannedBlob, 'partialBytes'> & {
  readonly sources: RepositoryAddress[];
  readonly images: number[];
};

function mergeBlobs(images: readonly ImageNeeds[]): Map<string, MergedBlob> {
  const merged = new Map<string, MergedBlob>();
  for (const { image, repository, blobs, label } of images) {
    for (const descriptor of uniqueBlobs(blobs)) {
      const key = blobKey(descriptor);
      const known = merged.get(key);
      if (known === undefined) {
        merged.set(key, { key, descriptor, sources: [repository], images: [image], label });
        continue;
      }
      known.images.push(image);
      if (!known.sources.some((source) => sameRepository(source, repository))) {
        known.sources.push(repository);
      }
    }
  }
  return merged;
}

/** An image may use one layer twice (the empty one, often); it needs it once. */
export function uniqueBlobs(blobs: readonly Descriptor[]): Descriptor[] {
  return [...new Map(blobs.map((blob) => [blobKey(blob), blob])).values()];
}

function totalBytes(images: readonly ImageNeeds[]): number {
  let bytes = 0;
  for (const { blobs } of images) for (const { size } of uniqueBlobs(blobs)) bytes += size;
  return bytes;
}

function sameRepository(a: RepositoryAddress, b: RepositoryAddress): boolean {
  return a.registry === b.registry && a.repository === b.repository;
}

/**
 * Largest remaining first: with finite blobs on equal streams no order is more than 4/3 of the best
 * (Graham 1969), and the long tail of one late fat layer is gone. Ties keep the order of the plan.
 */
export function scheduleLargestFirst(blobs: readonly PlannedBlob[]): PlannedBlob[] {
  return blobs.toSorted((a, b) => remainingBytes(b) - remainingBytes(a));
}

/** Image by image, in the order of the input, for work that begins with whole images. */
export function scheduleByImage(blobs: readonly PlannedBlob[]): PlannedBlob[] {
  return scheduleLargestFirst(blobs).toSorted((a, b) => turnOf(a) - turnOf(b));
}

/** Place of the first image that needs it. */
export function turnOf({ images }: Pick<PlannedBlob, 'images'>): number {
  return images[0] ?? 0;
}

export function remainingBytes({ descriptor, partialBytes }: PlannedBlob): number {
  return descriptor.size - partialBytes;
}

/** Digests of a plan, for looking the store up once for each. */
export function digestsOf(images: readonly ImageNeeds[]): Set<Digest> {
  return new Set(images.flatMap(({ blobs }) => blobs.map(({ digest }) => digest)));
}
