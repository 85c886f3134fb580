import type { Digest } from '../../image/index.ts';

/** Where mounts were declined this often without one granted, they are not asked for any more. */
const MOST_DECLINED = 3;

/** What is known of blobs on one registry: who has them, and who is about to. */
export class BlobDesk {
  readonly #holders = new Map<Digest, Set<string>>();
  readonly #leaders = new Map<Digest, Promise<unknown>>();
  readonly #mounts: boolean;
  #declined = 0;
  #granted = false;

  /** @param mounts whether the registry is known not to decline all of them */
  constructor(mounts: boolean) {
    this.#mounts = mounts;
  }

  /** The repository has it. */
  note(digest: Digest, repository: string): void {
    const holders = this.#holders.get(digest) ?? new Set();
    this.#holders.set(digest, holders.add(repository));
  }

  has(digest: Digest, repository: string): boolean {
    return this.#holders.get(digest)?.has(repository) === true;
  }

  forget(digest: Digest, repository: string): void {
    this.#holders.get(digest)?.delete(repository);
  }

  /** Whether the registry is worth asking for mounts. */
  get mayMount(): boolean {
    return this.#mounts && (this.#granted || this.#declined < MOST_DECLINED);
  }

  /** Another repository to mount it from: the first that had it. */
  sourceFor(digest: Digest, repository: string): string | undefined {
    if (!this.mayMount) return undefined;
    for (const holder of this.#holders.get(digest) ?? []) if (holder !== repository) return holder;
    return undefined;
  }

  /** What became of asking for a mount; a repository that was only guessed may decline with reason. */
  mounted(digest: Digest, from: string, granted: boolean): void {
    if (granted) this.#granted = true;
    else if (this.has(digest, from)) this.#declined += 1;
  }

  /** The upload of this blob to whichever repository is first, while it is under way. */
  leading(digest: Digest): Promise<unknown> | undefined {
    return this.#leaders.get(digest);
  }

  /** Uploads it for all. Others wait, then mount it. */
  async lead<T>(digest: Digest, upload: () => Promise<T>): Promise<T> {
    const uploading = upload();
    this.#leaders.set(digest, uploading);
    try {
      return await uploading;
    } finally {
      if (this.#leaders.get(digest) === uploading) this.#leaders.delete(digest);
    }
  }
}
