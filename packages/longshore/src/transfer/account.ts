import type { PlannedBlob } from './plan.ts';

/** What follows for images when a blob has come, or will not come. */
export interface Settlement {
  /** Images that have become whole. */
  readonly completed: readonly number[];
  /** Images that have become impossible, by this blob. */
  readonly failed: readonly number[];
  /** Blobs that no living image needs any more. */
  readonly unneeded: readonly string[];
}

const NOTHING: Settlement = { completed: [], failed: [], unneeded: [] };

/**
 * Keeps count of which image waits for which blobs. Every image ends exactly once: completed by its
 * last blob, or failed by the first one that could not be had. A failed image takes with it only
 * those blobs that nobody else needs.
 */
export class Account {
  readonly #waiting = new Map<number, Set<string>>();
  readonly #neededBy = new Map<string, Set<number>>();

  constructor(blobs: readonly PlannedBlob[]) {
    for (const { key, images } of blobs) {
      this.#neededBy.set(key, new Set(images));
      for (const image of images) {
        const keys = this.#waiting.get(image) ?? new Set();
        this.#waiting.set(image, keys.add(key));
      }
    }
  }

  /** Whether the image still waits for blobs. One that needs none from outside never does. */
  waits(image: number): boolean {
    return this.#waiting.has(image);
  }

  blobDone(key: string): Settlement {
    const completed: number[] = [];
    for (const image of this.#takeImages(key)) {
      const keys = this.#waiting.get(image);
      keys?.delete(key);
      if (keys?.size !== 0) continue;
      this.#waiting.delete(image);
      completed.push(image);
    }
    return completed.length === 0 ? NOTHING : { ...NOTHING, completed };
  }

  blobFailed(key: string): Settlement {
    const failed = [...this.#takeImages(key)];
    const unneeded = failed.flatMap((image) => this.#drop(image));
    return { completed: [], failed, unneeded };
  }

  /** Takes an image out for a reason of its own; returns the blobs that nobody needs then. */
  imageFailed(image: number): readonly string[] {
    return this.#drop(image);
  }

  #takeImages(key: string): Set<number> {
    const images = this.#neededBy.get(key) ?? new Set<number>();
    this.#neededBy.delete(key);
    return images;
  }

  #drop(image: number): string[] {
    const keys = this.#waiting.get(image) ?? new Set<string>();
    this.#waiting.delete(image);
    return [...keys].filter((key) => {
      const images = this.#neededBy.get(key);
      images?.delete(image);
      if (images?.size !== 0) return false;
      this.#neededBy.delete(key);
      return true;
    });
  }
}
