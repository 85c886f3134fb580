import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { MEDIA_TYPES } from '../image/index.ts';
import { replaceFile, type StoreModes } from './files.ts';
import type { StoreLayout } from './layout.ts';
import type { ReferenceBook } from './referenceBook.ts';
import { EMPTY_INDEX } from './storeFormat.ts';
import type { StoredReference } from './types.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const DELAY_MS = 100;
/** A rebuild of many thousand references may take at most this share of the time. */
const REST_FACTOR = 4;
const MAX_ROUNDS = 10;

/** `index.json` as other tools read it: one entry a reference, by name. */
function formatIndex(references: readonly StoredReference[]): string {
  const manifests = references.map(({ name, descriptor, twin = descriptor }) => ({
    ...twin,
    annotations: { ...twin.annotations, [REF_NAME]: name },
  }));
  return `${JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests })}\n`;
}

/**
 * Keeps `index.json` equal to `refs/`. Changes are gathered for a moment, so that a thousand of them
 * cost a few rebuilds.
 *
 * Several processes may rebuild at once, and the one that read first may write last. So each looks at
 * `refs/` again after its rename and starts over when something changed since it read: whoever
 * writes last has written what is there.
 */
export class IndexWriter {
  readonly #layout: StoreLayout;
  readonly #modes: StoreModes;
  readonly #book: ReferenceBook;
  #dirty = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #healing: Promise<void> | undefined;
  #lastMs = 0;

  constructor(layout: StoreLayout, modes: StoreModes, book: ReferenceBook) {
    this.#layout = layout;
    this.#modes = modes;
    this.#book = book;
  }

  /** Tells that a reference has changed. */
  schedule(): void {
    this.#dirty = true;
    if (this.#timer !== undefined) return;
    const delayMs = Math.max(DELAY_MS, this.#lastMs * REST_FACTOR);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // What fails here stays dirty, and `flush` tries again and says why.
      this.flush().catch(() => undefined);
    }, delayMs).unref();
  }

  /**
   * Looks whether the index is older than `refs/`, as a process leaves it that is killed between the two,
   * and writes it anew in the background if so. Where that cannot be done, it stays as it is.
   */
  heal(): void {
    this.#healing = this.#isStale()
      .then((stale) => (stale ? this.#rebuild() : undefined))
      .catch(() => undefined);
  }

  /** Settles when `index.json` holds every change told so far. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#healing;
    while (this.#dirty || this.#running !== undefined) {
      this.#running ??= this.#rebuildOnce().finally(() => {
        this.#running = undefined;
      });
      await this.#running;
    }
  }

  async #isStale(): Promise<boolean> {
    const [refs, index] = await Promise.all([
      stat(this.#layout.refs),
      stat(this.#layout.indexFile),
    ]);
    return refs.mtimeMs >= index.mtimeMs || index.size === EMPTY_INDEX.length;
  }

  async #rebuildOnce(): Promise<void> {
    const startedAt = performance.now();
    this.#dirty = false;
    try {
      await this.#rebuild();
    } catch (error) {
      this.#dirty = true;
      throw error;
    }
    this.#lastMs = performance.now() - startedAt;
  }

  async #rebuild(): Promise<void> {
    let now = await this.#book.snapshot();
    for (let round = 1; ; round += 1) {
      const content = formatIndex(now.references);
      if (content !== (await this.#current())) {
        await replaceFile(this.#layout.indexFile, content, { mode: this.#modes.file });
      }
      const after = await this.#book.snapshot();
      if (now.fingerprint === after.fingerprint) return;
      // Somebody else keeps changing references, and rebuilds after the last of them.
      if (round === MAX_ROUNDS) return;
      now = after;
      await sleep(round * 5);
    }
  }

  async #current(): Promise<string | undefined> {
    try {
      return await readFile(this.#layout.indexFile, 'utf8');
    } catch {
      return undefined;
    }
  }
}
