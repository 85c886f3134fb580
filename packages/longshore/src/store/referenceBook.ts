import { readdir, readFile, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, LongshoreError } from '../errors.ts';
import { type Descriptor, readDescriptor } from '../image/index.ts';
import { mapBounded, replaceFile, type StoreModes, syncFolder } from './files.ts';
import { isReferenceFileName, referenceFileName, type StoreLayout } from './layout.ts';
import { readError, writeError } from './storeErrors.ts';
import type { StoredReference } from './types.ts';

/** A reference and when it was last set or touched. */
export interface UsedReference extends StoredReference {
  /** Milliseconds since the epoch, by the clock of the file system. */
  readonly usedAtMs: number;
  readonly fileName: string;
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

  constructor(layout: StoreLayout, modes: StoreModes) {
    this.#layout = layout;
    this.#modes = modes;
  }

  /** @returns whether anything changed; setting what is there already only marks it as used */
  async set(name: string, descriptor: Descriptor): Promise<boolean> {
    const path = this.#pathOf(name);
    const content = `${JSON.stringify({ name, descriptor })}\n`;
    if ((await readText(path)) === content && (await this.touch(name))) return false;
    await replaceFile(path, content, { mode: this.#modes.file });
    return true;
  }

  async get(name: string): Promise<Descriptor | undefined> {
    const text = await readText(this.#pathOf(name));
    const found = text === undefined ? undefined : parseReferenceFile(text);
    return found?.name === name ? found.descriptor : undefined;
  }

  async delete(name: string): Promise<boolean> {
    const path = this.#pathOf(name);
    try {
      await unlink(path);
      await syncFolder(this.#layout.refs);
      return true;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return false;
      throw writeError(cause, path);
    }
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
  async list(): Promise<UsedReference[]> {
    const names = await this.fileNames();
    const entries = await mapBounded(names, READ_WIDTH, (fileName) => this.#readEntry(fileName));
    return entries
      .filter((entry) => entry !== undefined)
      .sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  }

  /** Names of the files in `refs/`, sorted; temporary ones left out. */
  async fileNames(): Promise<string[]> {
    try {
      return (await readdir(this.#layout.refs)).filter(isReferenceFileName).sort();
    } catch (cause) {
      throw readError(cause, this.#layout.refs);
    }
  }

  /** Changes when any reference does: what `index.json` was made from is compared by it. */
  async fingerprint(): Promise<string> {
    const names = await this.fileNames();
    const marks = await mapBounded(names, READ_WIDTH, async (name) => {
      try {
        const { ino, mtimeNs } = await stat(join(this.#layout.refs, name), { bigint: true });
        return `${name} ${ino} ${mtimeNs}`;
      } catch {
        return `${name} gone`;
      }
    });
    return marks.join('\n');
  }

  async #readEntry(fileName: string): Promise<UsedReference | undefined> {
    const path = join(this.#layout.refs, fileName);
    const text = await readText(path);
    const found = text === undefined ? undefined : parseReferenceFile(text);
    if (found === undefined || referenceFileName(found.name) !== fileName) return undefined;
    try {
      const { mtimeMs } = await stat(path);
      return { ...found, usedAtMs: mtimeMs, fileName };
    } catch {
      return undefined;
    }
  }

  #pathOf(name: string): string {
    return join(this.#layout.refs, referenceFileName(checkName(name)));
  }
}

/** What a file in `refs/` says; `undefined` when it is damaged. */
export function parseReferenceFile(text: string): StoredReference | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    if (!('name' in value) || typeof value.name !== 'string') return undefined;
    const descriptor = 'descriptor' in value ? value.descriptor : undefined;
    return { name: checkName(value.name), descriptor: readDescriptor(descriptor, 'descriptor') };
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
