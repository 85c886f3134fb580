import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, LongshoreError } from '../../errors.ts';
import { endOfArchive, filling, formatHeader, type TarMember } from '../../export/index.ts';
import type { IgnoreRules } from '../context/ignoreRules.ts';

const CHUNK_BYTES = 512 * 1024;

export interface ContextOptions {
  readonly folder: string;
  readonly rules: IgnoreRules;
  /** Files that are sent besides, or instead of those with their path. */
  readonly extra: ReadonlyMap<string, string>;
}

/**
 * A build context as a tar, made while it is sent: of however many bytes, half a megabyte is in
 * memory. Owners are root, as Docker's client sends them.
 * @throws LongshoreError `ERR_CONTEXT_READ`
 */
export async function* contextTar(options: ContextOptions): AsyncGenerator<Buffer> {
  try {
    yield* readFolder('', options);
  } catch (cause) {
    if (errnoOf(cause) === undefined || cause instanceof LongshoreError) throw cause;
    throw unreadable(options.folder, cause);
  }
  for (const [path, text] of options.extra) {
    const bytes = Buffer.from(text);
    yield header({ path, type: 'file', mode: 0o600, mtime: 0, size: bytes.length });
    yield bytes;
    yield filling(bytes.length);
  }
  yield endOfArchive();
}

async function* readFolder(path: string, options: ContextOptions): AsyncGenerator<Buffer> {
  const entries = await readdir(join(options.folder, path), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const inner = path === '' ? entry.name : `${path}/${entry.name}`;
    const ignored = options.rules.ignores(inner);
    if (!ignored && !options.extra.has(inner)) yield* readEntry(inner, options);
    if (!entry.isDirectory()) continue;
    if (!ignored || options.rules.mayHoldExceptions(inner)) yield* readFolder(inner, options);
  }
}

async function* readEntry(path: string, { folder }: ContextOptions): AsyncGenerator<Buffer> {
  const full = join(folder, path);
  const stats = await lstat(full);
  const facts = { path, mode: stats.mode & 0o7777, mtime: Math.floor(stats.mtimeMs / 1000) };
  if (stats.isSymbolicLink()) {
    const linkPath = asBytes(await readlink(full));
    yield header({ ...facts, type: 'symlink', size: 0, linkPath });
  } else if (stats.isDirectory()) {
    yield header({ ...facts, type: 'directory', size: 0 });
  } else if (stats.isFile()) {
    yield header({ ...facts, type: 'file', size: stats.size });
    yield* readFile(full, stats.size);
    yield filling(stats.size);
  }
  // Sockets, pipes and devices are no content.
}

async function* readFile(path: string, size: number): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (let at = 0; at < size; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - at));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) throw unreadable(path, new Error('it became shorter while it was read'));
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function header(member: Omit<TarMember, 'uid' | 'gid'>): Buffer {
  return formatHeader({ ...member, path: asBytes(member.path), uid: 0, gid: 0 });
}

/** Names are bytes in a tar. */
function asBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function unreadable(path: string, cause: unknown): LongshoreError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LongshoreError(`The build context cannot be read: ${path}: ${why}`, {
    code: 'ERR_CONTEXT_READ',
    origin: 'input',
    hint: 'Make it readable, or name it in .dockerignore',
    cause,
  });
}
