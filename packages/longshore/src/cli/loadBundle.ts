import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Script } from 'node:vm';

/** `start-Cql5Zx0a.cjs`: chunks carry a hash of their content in their name. */
const HASHED_NAME = /-[\w-]{8}\.cjs$/;
const WRITABLE_BY_OTHERS = 0o022;

/** `import()` as chunks have it: code that was kept cannot say it. */
const importModule = (id: string): Promise<unknown> => import(id);

interface Loaded {
  readonly script: Script;
  /** Where its code is to be kept; `undefined` where that is done or cannot be. */
  readonly keepAt: string | undefined;
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
  // Of a command that does what it is told: a mistyped one is none.
  process.once('exit', (code) => {
    if (code === 0) bundle.keep();
  });
  return bundle.load(file);
}

class Bundle {
  readonly #folder: string | undefined;
  readonly #exports = new Map<string, { exports: unknown }>();
  readonly #loaded: Loaded[] = [];

  constructor(cacheFolder: string | undefined) {
    // V8 takes nothing from another version, and two of them would replace each other's.
    this.#folder = cacheFolder && path.join(cacheFolder, `${process.version}-${process.arch}`);
  }

  load(file: string): unknown {
    const known = this.#exports.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    this.#exports.set(file, module);
    const beside = path.dirname(file);
    const outer = createRequire(file);
    const require = (id: string): unknown =>
      id.startsWith('.') ? this.load(path.join(beside, id)) : outer(id);
    const run = this.#compile(file).runInThisContext() as (...scope: unknown[]) => void;
    run(module.exports, require, module, file, beside, importModule);
    return module.exports;
  }

  #compile(filename: string): Script {
    const source = readFileSync(filename, 'utf8');
    const kept = this.#placeOf(filename);
    const cachedData = kept === undefined ? undefined : readKept(kept);
    const script = new Script(
      `(function (exports, require, module, __filename, __dirname, importModule) {${source}\n})`,
      {
        filename,
        ...(cachedData === undefined ? {} : { cachedData }),
      },
    );
    const isOld = cachedData !== undefined && script.cachedDataRejected !== true;
    this.#loaded.push({ script, keepAt: isOld ? undefined : kept });
    return script;
  }

  /** Commands call different functions, so each has its own. V8 tells sources apart by length alone. */
  #placeOf(filename: string): string | undefined {
    const name = path.basename(filename);
    if (this.#folder === undefined || !HASHED_NAME.test(name)) return undefined;
    const command = /^[a-z]+$/.exec(process.argv[2] ?? '')?.[0] ?? 'other';
    return path.join(this.#folder, `${command}-${name}`);
  }

  /** With the functions that this run has called. Where it cannot be written, the next one tries again. */
  keep(): void {
    for (const { script, keepAt } of this.#loaded) {
      if (keepAt === undefined) continue;
      try {
        mkdirSync(path.dirname(keepAt), { recursive: true, mode: 0o700 });
        const temporary = `${keepAt}.${process.pid}.tmp`;
        const code = script.createCachedData();
        writeFileSync(temporary, Buffer.concat([code, code]), { mode: 0o600, flag: 'wx' });
        renameSync(temporary, keepAt);
      } catch {
        return;
      }
    }
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
