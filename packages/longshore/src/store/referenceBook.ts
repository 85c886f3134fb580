import { readdir, readFile, rename, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, LongshoreError } from '../errors.ts';
import { type Descriptor, readDescriptor } from '../image/index.ts';
import { mapBounded, replaceFile, type StoreModes, syncFolder, temporaryName } from './files.ts';
import { isReferenceFileName, referenceFileName, type StoreLayout } from './layout.ts';
import { readError, writeError } from './storeErrors.ts';
import type { StoredReference } from './types.ts';

/** A reference and when it was last set or touched. */
export interface UsedReference extends StoredReference {
  /** Milliseconds since the epoch, by the clock of the file system. */
  readonly usedAtMs: number;
  readonly fileName: string;
}

interface CachedEntry {
  readonly fileName: string;
  /** Changes when the file is replaced or touched. */
  readonly mark: string;
  readonly reference: UsedReference | undefined;
}

const READ_WIDTH = 32;
const MAX_NAME_LENGTH = 1024;

/**
 * The files in `refs/`, one a reference. Each is replaced whole, so that processes setting different
 * references never meet, and the last to set the same one wins.
 */
export class ReferenceBook {
  readonly #layout: StoreLayout;
  readonly #modes: StoreModes;
  #cache: ReadonlyMap<string, CachedEntry> = new Map();

  constructor(layout: StoreLayout, modes: StoreModes) {
    this.#layout = layout;
    this.#modes = modes;
  }

  /** @returns whether anything changed; setting what is there already only marks it as used */
  async set({ name, descriptor, twin, root }: StoredReference): Promise<boolean> {
    const path = this.#pathOf(name);
    const content = `${JSON.stringify({ name, descriptor, twin, root })}\n`;
    if ((await readText(path)) === content && (await this.touch(name))) return false;
    await replaceFile(path, content, { mode: this.#modes.file });
    return true;
  }

  async get(name: string): Promise<Descriptor | undefined> {
    const text = await readText(this.#pathOf(name));
    const found = text === undefined ? undefined : parseReferenceFile(text);
    return found?.name === name ? found.descriptor : undefined;
  }

  delete(name: string): Promise<boolean> {
    return this.removeFile(this.fileNameOf(name));
  }

  /** Removes a file of `refs/` by its name there, also one that cannot be read. */
  async removeFile(fileName: string): Promise<boolean> {
    const path = join(this.#layout.refs, fileName);
    try {
      await unlink(path);
      await syncFolder(this.#layout.refs);
      return true;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return false;
      throw writeError(cause, path);
    }
  }

  /**
   * Removes a reference unless it was used at or after `sinceMs`. It is renamed first, so that whoever
   * uses it meanwhile either is seen, or finds it missing and writes it anew.
   */
  async removeUnused(name: string, sinceMs: number): Promise<boolean> {
    const path = this.#pathOf(name);
    const aside = temporaryName(path);
    try {
      await rename(path, aside);
      // Whole milliseconds, as `list` tells them: a fraction as a double may round up.
      if (Number((await stat(aside, { bigint: true })).mtimeMs) < sinceMs) {
        await unlink(aside);
        return true;
      }
      if ((await readText(path)) === undefined) await rename(aside, path);
      else await unlink(aside);
      return false;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return false;
      throw writeError(cause, path);
    }
  }

  /** Whether a file of `refs/` is a reference, or gone by now. */
  async isReadable(fileName: string): Promise<boolean> {
    const entry = await this.#readEntry(fileName);
    return entry === undefined || entry.reference !== undefined;
  }

  /** Name of the file that a reference has. @throws LongshoreError `ERR_REFERENCE_INVALID` */
  fileNameOf(name: string): string {
    return referenceFileName(checkName(name));
  }

  /** Marks a reference as used now. False when it is not there or belongs to somebody else. */
  async touch(name: string): Promise<boolean> {
    try {
      const now = new Date();
      await utimes(this.#pathOf(name), now, now);
      return true;
    } catch (cause) {
      if (['ENOENT', 'EPERM', 'EACCES', 'EROFS'].includes(errnoOf(cause) ?? '')) return false;
      throw writeError(cause, this.#pathOf(name));
    }
  }

  /** All references by name. Files that cannot be read as one are passed over. */
  async list(): Promise<readonly UsedReference[]> {
    return (await this.snapshot()).references;
  }

  /** All references now, and a mark that changes when any of them does. */
  async snapshot(): Promise<{
    readonly references: readonly UsedReference[];
    readonly fingerprint: string;
  }> {
    const fileNames = await this.fileNames();
    const entries = await mapBounded(fileNames, READ_WIDTH, (name) => this.#readEntry(name));
    const known = entries.filter((entry) => entry !== undefined);
    this.#cache = new Map(known.map((entry) => [entry.fileName, entry]));
    const references = known
      .flatMap(({ reference }) => (reference === undefined ? [] : [reference]))
      .sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
    return { references, fingerprint: known.map((e) => `${e.fileName} ${e.mark}`).join('\n') };
  }

  /** Names of the files in `refs/`, sorted; temporary ones left out. */
  async fileNames(): Promise<string[]> {
    try {
      return (await readdir(this.#layout.refs)).filter(isReferenceFileName).sort();
    } catch (cause) {
      throw readError(cause, this.#layout.refs);
    }
  }

  /** Reads a file unless it is the one that was read before. */
  async #readEntry(fileName: string): Promise<CachedEntry | undefined> {
    const path = join(this.#layout.refs, fileName);
    try {
      const { ino, size, mtimeNs, mtimeMs } = await stat(path, { bigint: true });
      const mark = `${ino} ${size} ${mtimeNs}`;
      const cached = this.#cache.get(fileName);
      if (cached?.mark === mark) return cached;
      const found = parseReferenceFile(await readFile(path, 'utf8'));
      const valid = found !== undefined && referenceFileName(found.name) === fileName;
      const reference = valid ? { ...found, usedAtMs: Number(mtimeMs), fileName } : undefined;
      return { fileName, mark, reference };
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return undefined;
      throw readError(cause, path);
    }
  }

  #pathOf(name: string): string {
    return join(this.#layout.refs, this.fileNameOf(name));
  }
}

/** What a file in `refs/` says; `undefined` when it is damaged. */
function parseReferenceFile(text: string): StoredReference | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    if (!('name' in value) || typeof value.name !== 'string') return undefined;
    const descriptor = 'descriptor' in value ? value.descriptor : undefined;
    const twin = 'twin' in value ? { twin: readDescriptor(value.twin, 'twin') } : {};
    const root = 'root' in value ? { root: readDescriptor(value.root, 'root') } : {};
    const name = checkName(value.name);
    return { name, descriptor: readDescriptor(descriptor, 'descriptor'), ...twin, ...root };
  } catch {
    return undefined;
  }
}

function checkName(name: string): string {
  if (name !== '' && name.length <= MAX_NAME_LENGTH && !/\p{Cc}/u.test(name)) return name;
  throw new LongshoreError(
    `Not a name for a reference: ${JSON.stringify(name.slice(0, 120))}: empty, too long, or with control characters`,
    {
      code: 'ERR_REFERENCE_INVALID',
      origin: 'input',
      hint: 'Give a name as image references have',
    },
  );
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw readError(cause, path);
  }
}
