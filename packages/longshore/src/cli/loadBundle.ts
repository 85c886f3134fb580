import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Script } from 'node:vm';

/** `start-Cql5Zx0a.cjs`: chunks carry a hash of their content in their name. */
const CHUNK_NAME = /^(.+)-[\w-]{8}\.cjs$/;
const WRITABLE_BY_OTHERS = 0o022;

/** `import()` as chunks have it: code that was kept cannot say it. */
const importModule = (id: string): Promise<unknown> => import(id);

/** A script whose code is to be kept: what others of its kind are called, and where it goes. */
interface Fresh {
  readonly script: Script;
  readonly kind: string;
  readonly place: string;
}

/**
 * Loads a bundle of CommonJS chunks with the code that V8 made of them in an earlier run, and keeps
 * that code at the end of the first that succeeds. Node's own compile cache holds what is compiled at
 * once, and so no function that is called later: a pull compiles 650 of ours, which takes 30 ms.
 * @param file the entry, absolute
 * @param cacheFolder of this user alone; without one nothing is kept
 * @returns what the entry exports
 */
export function loadBundle(file: string, cacheFolder: string | undefined): unknown {
  const bundle = new Bundle(cacheFolder);
  process.once('exit', (code) => {
    // Of a command that does what it is told: a mistyped one is none, and help calls few functions.
    if (code === 0 && !asksForHelp()) bundle.keep();
  });
  return bundle.load(file);
}

function asksForHelp(): boolean {
  return process.argv.slice(2).some((word) => /^(help|--help|-h)$/.test(word));
}

class Bundle {
  readonly #folder: string | undefined;
  readonly #modules = new Map<string, { exports: unknown }>();
  readonly #fresh: Fresh[] = [];
  /** Of V8 and its flags when the first of them was compiled. */
  #versionTag = 0;

  constructor(cacheFolder: string | undefined) {
    this.#folder = cacheFolder;
  }

  load(file: string): unknown {
    const known = this.#modules.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    this.#modules.set(file, module);
    try {
      this.#run(file, module);
    } catch (error) {
      // As Node does it: who asks again hears of the same trouble, and gets nothing half made.
      this.#modules.delete(file);
      throw error;
    }
    return module.exports;
  }

  #run(file: string, module: { exports: unknown }): void {
    const beside = path.dirname(file);
    const outer = createRequire(file);
    const require = (id: string): unknown =>
      id.startsWith('.') ? this.load(path.join(beside, id)) : outer(id);
    const run = this.#compile(file).runInThisContext() as (...scope: unknown[]) => void;
    run(module.exports, require, module, file, beside, importModule);
  }

  #compile(filename: string): Script {
    const source = readChunk(filename);
    const kept = this.#placeOf(filename);
    const cachedData = kept === undefined ? undefined : readKept(kept.place);
    const script = new Script(
      `(function (exports, require, module, __filename, __dirname, importModule) {${source}\n})`,
      { filename, ...(cachedData === undefined ? {} : { cachedData }) },
    );
    const isOld = cachedData !== undefined && script.cachedDataRejected !== true;
    if (kept !== undefined && !isOld) {
      if (this.#fresh.length === 0) this.#versionTag = versionTag();
      this.#fresh.push({ script, ...kept });
    }
    return script;
  }

  /**
   * Pulls call other functions than builds do, so each command has its own. V8 tells sources apart by
   * length alone: the name has the hash, and when the chunk was written, should somebody mend it in place.
   */
  #placeOf(filename: string): Omit<Fresh, 'script'> | undefined {
    const name = path.basename(filename);
    const chunk = CHUNK_NAME.exec(name)?.[1];
    if (this.#folder === undefined || chunk === undefined) return undefined;
    const command = /^[a-z]+$/.exec(process.argv[2] ?? '')?.[0] ?? 'other';
    const kind = `${command}-${chunk}`;
    const writtenAt = Math.trunc(statSync(filename).mtimeMs).toString(36);
    return { kind, place: path.join(this.#folder, `${command}-${name}.${writtenAt}`) };
  }

  /** With the functions that this run has called. Where it cannot be written, the next one tries again. */
  keep(): void {
    // V8 refuses what was made under other flags; long lists set one on their way.
    if (this.#fresh.length === 0 || this.#versionTag !== versionTag()) return;
    try {
      for (const { script, kind, place } of this.#fresh) {
        const folder = path.dirname(place);
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        replaceWith(place, () => script.createCachedData());
        removeOlder(folder, kind, path.basename(place));
      }
    } catch {
      // It is as it was before.
    }
  }
}

function versionTag(): number {
  return process.getBuiltinModule('node:v8').cachedDataVersionTag();
}

function readChunk(filename: string): string {
  try {
    return readFileSync(filename, 'utf8');
  } catch (cause) {
    const what = `A part of the program cannot be read: ${filename}`;
    throw Object.assign(new Error(what, { cause }), { code: 'MODULE_NOT_FOUND' });
  }
}

/** @param make called when there is a file to write to */
function replaceWith(place: string, make: () => Buffer): void {
  const temporary = `${place}.${process.pid}-${Date.now().toString(36)}.tmp`;
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    const code = make();
    for (const half of [code, code]) {
      if (writeSync(descriptor, half) < half.byteLength) throw new Error('the disk is full');
    }
    renameSync(temporary, place);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** What earlier versions of the program have left of the same chunk for the same command. */
function removeOlder(folder: string, kind: string, kept: string): void {
  for (const name of readdirSync(folder)) {
    const isOfKind = name.startsWith(`${kind}-`) && name.length === kept.length;
    if (isOfKind && name !== kept) unlinkSync(path.join(folder, name));
  }
}

/**
 * Code that was kept, and is whole and ours. It is written twice over, as V8 runs what it is given
 * without a checksum, and to compare is all that is at hand before anything is loaded.
 */
function readKept(file: string): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const { uid, mode } = fstatSync(descriptor);
    if (uid !== process.geteuid?.() || (mode & WRITABLE_BY_OTHERS) !== 0) return undefined;
    const both = readFileSync(descriptor);
    const half = both.byteLength / 2;
    const code = both.subarray(0, half);
    return code.equals(both.subarray(half)) ? code : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
