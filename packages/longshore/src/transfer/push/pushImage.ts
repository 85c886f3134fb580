import { setTimeout as sleep } from 'node:timers/promises';
import { createFlights, type Flights } from '../../concurrency/index.ts';
import { isLongshoreError, LongshoreError } from '../../errors.ts';
import {
  type Descriptor,
  type Digest,
  formatReference,
  type Reference,
  shortDigest,
} from '../../image/index.ts';
import type { RepositoryAddress } from '../../registry/index.ts';
import type { BlobDesk } from './blobDesk.ts';
import { bringBlob, type HowPushed } from './bringBlob.ts';
import type { PushContext } from './context.ts';
import { type ImageNode, manifestsOf, readImage } from './readImage.ts';
import { listInTag, type Referrers } from './referrers.ts';
import type { UploadLane } from './uploadLane.ts';

/** A registry of several instances may need a moment to see its own blobs (build.md, 2, row 14). */
const BLOB_LAG_MS = [250, 1000, 3000] as const;

/** What is shared by all pushes to one registry. */
export interface RegistryDesk {
  readonly lane: UploadLane;
  readonly desk: BlobDesk;
  /** Blobs on their way to one repository, for all images that need them. */
  readonly blobs: Flights<HowPushed>;
}

export function createRegistryDesk(lane: UploadLane, desk: BlobDesk): RegistryDesk {
  return { lane, desk, blobs: createFlights() };
}

/** One image to push. */
export interface ImageJob {
  /** Its place among all images; blobs of the lowest go first. */
  readonly turn: number;
  readonly descriptor: Descriptor;
  readonly destination: Reference;
  readonly label: string;
  readonly to: RegistryDesk;
  /** Another repository of the registry that may have its blobs. */
  readonly sibling: string | undefined;
  readonly referrers: Referrers;
  /** Called when everything is there but the tag; what it throws keeps the tag as it is. */
  readonly beforeTag: (() => Promise<void>) | undefined;
}

/**
 * Pushes one image: blobs, manifests by digest with children first, referrers, and the tag last,
 * checked before and after.
 * @throws LongshoreError what the registry and the store throw; `ERR_TAG_MOVED`
 */
export async function pushImage(
  job: ImageJob,
  context: PushContext,
): Promise<'pushed' | 'unchanged'> {
  return new ImagePush(job, context).run();
}

class ImagePush {
  readonly #job: ImageJob;
  readonly #context: PushContext;
  readonly #repository: RepositoryAddress;
  /** Aborted when this image has failed: what nobody else needs of it stops. */
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;

  constructor(job: ImageJob, context: PushContext) {
    const { registry, repository } = job.destination;
    this.#job = job;
    this.#context = context;
    this.#repository = { registry, repository };
    this.#signal = AbortSignal.any([context.signal, this.#over.signal]);
  }

  async run(): Promise<'pushed' | 'unchanged'> {
    try {
      return await this.#push();
    } finally {
      this.#over.abort();
    }
  }

  async #push(): Promise<'pushed' | 'unchanged'> {
    const { descriptor, destination, beforeTag, referrers } = this.#job;
    const { store, drain } = this.#context;
    const tag = destination.tag === undefined ? undefined : tagged(destination);
    const before = tag === undefined ? undefined : await this.#find(tag, drain);
    const image = await readImage(descriptor, store);
    const attached = manifestsOf(image).flatMap((digest) => referrers.get(digest) ?? []);
    const same = before?.digest === descriptor.digest;
    if (same && attached.length === 0) return 'unchanged';
    const wasThere = same || (await this.#bringNode(image));
    let news = false;
    for (const referrer of attached) {
      const node = await readImage(referrer, store);
      if (!(await this.#bringNode(node))) news = true;
    }
    await beforeTag?.();
    if (tag === undefined) return wasThere && !news ? 'unchanged' : 'pushed';
    if (!same) await this.#moveTag(tag, image, before);
    return same && !news ? 'unchanged' : 'pushed';
  }

  /** True when the repository had the manifest, and with it everything below. */
  async #bringNode(node: ImageNode): Promise<boolean> {
    const { digest } = node.descriptor;
    const byDigest = { ...this.#repository, digest };
    if ((await this.#find(byDigest, this.#context.drain)) !== undefined) return true;
    await this.#all(node.children.map((child) => this.#bringNode(child)));
    await this.#bringBlobs(node, false);
    const listed = await this.#put(byDigest, node);
    if (node.subject !== undefined && !listed) await this.#list(node, node.subject.digest);
    return false;
  }

  async #bringBlobs(node: ImageNode, force: boolean): Promise<void> {
    const { to, label, sibling, turn } = this.#job;
    const { repository } = this.#repository;
    await this.#all(
      node.blobs.map((descriptor) => {
        const { digest } = descriptor;
        if (!force && to.desk.has(digest, repository)) return Promise.resolve();
        const key = `${repository} ${digest}${force ? ' again' : ''}`;
        const start = (unneeded: AbortSignal): Promise<HowPushed> =>
          bringBlob(
            {
              turn,
              descriptor,
              repository: this.#repository,
              label,
              ...to,
              sibling,
              force,
              unneeded,
            },
            this.#context,
          );
        return to.blobs.join(key, start, this.#signal);
      }),
    );
  }

  /** Waits for all; the first failure stops the rest, and is what counts. */
  async #all(work: readonly Promise<unknown>[]): Promise<void> {
    try {
      await Promise.all(work);
    } catch (error) {
      this.#over.abort(error);
      await Promise.allSettled(work);
      throw error;
    }
  }

  /**
   * Puts a manifest by its digest. A registry that says it lacks blobs which it said it had gets a
   * moment, and then the blobs once more.
   */
  async #put(reference: Reference, node: ImageNode): Promise<boolean> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { listsReferrer } = await this.#send(reference, node);
        return listsReferrer;
      } catch (error) {
        if (!isLongshoreError(error) || error.code !== 'ERR_BLOBS_MISSING') throw error;
        const waitMs = BLOB_LAG_MS[attempt];
        if (waitMs !== undefined) {
          await sleep(waitMs, undefined, { signal: this.#signal });
        } else if (attempt === BLOB_LAG_MS.length && !this.#context.drain.aborted) {
          for (const { digest } of node.blobs) {
            this.#job.to.desk.forget(digest, this.#repository.repository);
          }
          await this.#bringBlobs(node, true);
        } else {
          throw error;
        }
      }
    }
  }

  #send(reference: Reference, node: ImageNode): Promise<{ readonly listsReferrer: boolean }> {
    const { registry } = this.#context;
    const signal = this.#signal;
    return this.#job.to.lane.request(signal, () =>
      registry.putManifest(reference, node, { signal }),
    );
  }

  async #list(referrer: ImageNode, subject: Digest): Promise<void> {
    const { registry } = this.#context;
    const repository = this.#repository;
    const signal = this.#signal;
    const { lane } = this.#job.to;
    await lane.request(signal, () =>
      listInTag(registry, { repository, referrer, subject }, signal),
    );
  }

  #find(reference: Reference, signal: AbortSignal): Promise<Descriptor | undefined> {
    const { registry } = this.#context;
    return this.#job.to.lane.request(signal, () => registry.find(reference, { signal }));
  }

  /** Only tags can be lost to another writer, so only they are looked at twice. */
  async #moveTag(tag: Reference, image: ImageNode, before: Descriptor | undefined): Promise<void> {
    const now = await this.#find(tag, this.#signal);
    if (now?.digest === image.descriptor.digest) return;
    if (now?.digest !== before?.digest) throw tagMoved(tag, { before, now });
    await this.#send(tag, image);
    const after = await this.#find(tag, this.#signal);
    if (after?.digest === image.descriptor.digest) return;
    throw tagMoved(tag, { before: image.descriptor, now: after });
  }
}

function tagged({ registry, repository, tag }: Reference): Reference {
  return tag === undefined ? { registry, repository } : { registry, repository, tag };
}

function tagMoved(
  tag: Reference,
  { before, now }: { before: Descriptor | undefined; now: Descriptor | undefined },
): LongshoreError {
  const name = (descriptor: Descriptor | undefined): string =>
    descriptor === undefined ? 'nothing' : shortDigest(descriptor.digest);
  return new LongshoreError(
    `${formatReference(tag)} was moved by somebody else during the push: from ${name(before)} to ${name(now)}`,
    {
      code: 'ERR_TAG_MOVED',
      origin: 'registry',
      hint: 'See who else pushes there; to have it as it is here, push again: only the tag is left to do',
    },
  );
}
