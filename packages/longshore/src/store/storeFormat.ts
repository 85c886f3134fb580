import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, isAbsent, LongshoreError } from '../errors.ts';
import { MEDIA_TYPES } from '../image/index.ts';
import { isTemporaryName, replaceFile, type StoreModes, syncFolder } from './files.ts';
import { BLOB_ALGORITHMS, type StoreLayout } from './layout.ts';
import { type NameIo, POOLED_NAMES } from './nameIo.ts';
import { readError, writeError } from './storeErrors.ts';

/** The format that this code writes, and the newest that it reads. */
const STORE_FORMAT_VERSION = 1;

const KIND = 'longshore-store';

/**
 * Makes the directory a store, or checks that it is one that this code understands. Returns whether
 * it has made one.
 *
 * The version file is written before anything else: a directory that has `oci-layout` but no
 * version file belongs to another tool, whose index would be lost by rebuilding ours.
 * @throws LongshoreError `ERR_STORE_VERSION`, `ERR_NOT_A_STORE`, `ERR_STORE_NOT_WRITABLE`, `ERR_DISK_FULL`
 */
export async function prepareStore(
  layout: StoreLayout,
  modes: StoreModes,
  create: boolean,
): Promise<boolean> {
  if (await isStore(layout)) {
    await completeFolders(layout, modes);
    return false;
  }
  if (!create) throw notAStore(layout.root, 'there is none');
  try {
    await makeFolder(layout.root, modes.directory);
    const content = `${JSON.stringify({ kind: KIND, version: STORE_FORMAT_VERSION })}\n`;
    const isNew = await isEmpty(layout);
    if (isNew) await replaceFile(layout.versionFile, content, { mode: modes.file });
    await completeFolders(layout, modes);
    return isNew;
  } catch (cause) {
    throw writeError(cause, layout.root);
  }
}

/**
 * Whether a store of a readable version is there.
 * @throws LongshoreError `ERR_STORE_VERSION` when a newer one is
 */
export async function isStore(layout: StoreLayout): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(layout.versionFile, 'utf8');
  } catch (cause) {
    if (isAbsent(cause)) return false;
    throw readError(cause, layout.versionFile);
  }
  const version = readVersion(text);
  if (version === STORE_FORMAT_VERSION) return true;
  const found = version === undefined ? 'a format that cannot be read' : `format ${version}`;
  throw new LongshoreError(
    `The store at ${layout.root} has ${found}; this Longshore knows format ${STORE_FORMAT_VERSION}`,
    {
      code: 'ERR_STORE_VERSION',
      origin: 'store',
      hint: 'Use the Longshore that wrote it, or another directory with --store; nothing in it was changed',
    },
  );
}

function readVersion(text: string): number | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    if (!('kind' in value) || value.kind !== KIND) return undefined;
    return 'version' in value && typeof value.version === 'number' ? value.version : undefined;
  } catch {
    return undefined;
  }
}

/** False when another process has made a store here meanwhile; a directory in use is an error. */
async function isEmpty(layout: StoreLayout): Promise<boolean> {
  const names = await readdir(layout.root);
  const foreign = names.filter((name) => !isTemporaryName(name) && name !== 'lost+found');
  if (foreign.length === 0) return true;
  if (await isStore(layout)) return false;
  throw notAStore(layout.root, `it holds ${JSON.stringify(foreign[0])}`);
}

async function completeFolders(layout: StoreLayout, modes: StoreModes): Promise<void> {
  const folders = [
    layout.blobs,
    ...BLOB_ALGORITHMS.map((algorithm) => join(layout.blobs, algorithm)),
    layout.refs,
    layout.ingest,
    layout.leases,
  ];
  const files = [
    { path: layout.ociLayoutFile, content: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
    { path: layout.indexFile, content: EMPTY_INDEX },
  ];
  const made = await Promise.allSettled([
    ...folders.map((path) => unlessThere(path, () => makeFolder(path, modes.directory))),
    ...files.map(({ path, content }) =>
      unlessThere(path, () => replaceFile(path, content, { mode: modes.file, syncFolder: false })),
    ),
  ]);
  try {
    for (const outcome of made) if (outcome.status === 'rejected') throw outcome.reason;
    if (made.some((outcome) => outcome.status === 'fulfilled' && outcome.value)) {
      await syncFolder(layout.root);
    }
  } catch (cause) {
    throw writeError(cause, layout.root);
  }
}

/** Whether it had to be made. */
async function unlessThere(path: string, make: () => Promise<void>): Promise<boolean> {
  if (await exists(path)) return false;
  await make();
  return true;
}

/** `index.json` of a store without references. */
export const EMPTY_INDEX: string = `${JSON.stringify({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociIndex,
  manifests: [],
})}\n`;

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return false;
    throw readError(cause, path);
  }
}

/** Makes a folder, and those above it, with the store's mode; what is there stays as it is. */
export async function makeFolder(
  path: string,
  mode: number | undefined,
  names: NameIo = POOLED_NAMES,
): Promise<void> {
  try {
    const first = await names.makeFolders(path);
    if (first === undefined || mode === undefined) return;
    for (let at = path; at.length >= first.length; at = dirname(at)) await names.setMode(at, mode);
  } catch (cause) {
    throw writeError(cause, path);
  }
}

export function notAStore(path: string, why: string): LongshoreError {
  return new LongshoreError(`Not a Longshore store: ${path}: ${why}`, {
    code: 'ERR_NOT_A_STORE',
    origin: 'input',
    hint: 'Give an empty or new directory, or the store of an earlier run; to write an OCI layout for other tools use --to oci:DIR',
  });
}
