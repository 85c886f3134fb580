import { createHash } from 'node:crypto';
import { createWriteStream, type Stats } from 'node:fs';
import {
  access,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import {
  endOfArchive,
  filling,
  formatHeader,
  type TarMember,
} from '../../packages/longshore/src/export/tar/writer.ts';

/** How large the image is to become. */
export interface InputSize {
  readonly paths: number;
  /** Of all files together, plain. */
  readonly bytes: number;
}

interface Picked {
  readonly path: string;
  readonly stats: Stats;
  readonly rank: string;
}

const LARGE_BYTES = 256 * 1024;
/** Parts of the files that the three layers get; the last one also changes the first. */
const SHARES = [0.6, 0.9, 1];

/**
 * Makes an OCI layout with one image, tag `bench`, of three gzipped layers out of a machine's own
 * `/usr`. Which files are taken follows from their paths alone, so that it is the same every time
 * on one machine. Nothing is done when the layout is there already.
 */
export async function makeInput(directory: string, size: InputSize): Promise<void> {
  try {
    await access(join(directory, 'index.json'));
    return;
  } catch {
    await rm(directory, { recursive: true, force: true });
  }
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
  const picked = await pick(size);
  const layers: { blob: Blob; diffId: string }[] = [];
  let from = 0;
  for (const [i, share] of SHARES.entries()) {
    const to = Math.floor(picked.length * share);
    const extra = i === 2 ? changesOf(picked.slice(0, Math.floor(picked.length * 0.6))) : [];
    layers.push(await writeLayer(directory, picked.slice(from, to), extra));
    from = to;
  }
  await writeImage(directory, layers);
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

async function pick(size: InputSize): Promise<Picked[]> {
  const all: Picked[] = [];
  for (const top of ['/usr/bin', '/usr/lib', '/usr/share', '/usr/include']) await walk(top, all);
  all.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const large = all.filter(({ stats }) => stats.size >= LARGE_BYTES);
  const small = all.filter(({ stats }) => stats.size < LARGE_BYTES);
  const chosen: Picked[] = [];
  let bytes = 0;
  // The small ones that are still to come take some 200 MB.
  for (const file of large) {
    if (bytes > size.bytes * 0.9 || chosen.length > size.paths / 2) break;
    if (file.stats.size > size.bytes / 10) continue;
    chosen.push(file);
    bytes += file.stats.size;
  }
  chosen.push(...small.slice(0, Math.max(0, Math.floor(size.paths * 0.9) - chosen.length)));
  return chosen.toSorted((a, b) => (a.rank < b.rank ? -1 : 1));
}

async function walk(directory: string, into: Picked[]): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') await walk(path, into);
    } else if (entry.isFile() || entry.isSymbolicLink()) {
      const rank = createHash('sha256').update(path).digest('hex');
      into.push({ path, stats: await lstat(path), rank });
    }
  }
}

/** What a last layer does: files replaced, files removed, second names. */
function changesOf(older: readonly Picked[]): Buffer[] {
  const files = older.filter(({ stats }) => stats.isFile());
  const base = { mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000 };
  return files.slice(0, 600).map(({ path }, i) => {
    const name = path.slice(1);
    const whiteout = name.replace(/([^/]+)$/, '.wh.$1');
    if (i % 3 === 0) return formatHeader({ ...base, path: whiteout, type: 'file', size: 0 });
    if (i % 3 === 1) {
      const text = Buffer.from(`replaced ${i}\n`);
      const head = formatHeader({ ...base, path: name, type: 'file', size: text.length });
      return Buffer.concat([head, text, filling(text.length)]);
    }
    const second = { ...base, path: `${name}.second`, type: 'hardlink' as const, size: 0 };
    return formatHeader({ ...second, linkPath: name });
  });
}

async function writeLayer(
  directory: string,
  files: readonly Picked[],
  extra: readonly Buffer[],
): Promise<{ blob: Blob; diffId: string }> {
  const plain = createHash('sha256');
  const stored = createHash('sha256');
  let size = 0;
  const partial = join(directory, 'layer.partial');
  await pipeline(
    Readable.from(tarOf(files, extra, (chunk) => plain.update(chunk))),
    createGzip({ level: 6 }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        stored.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(partial),
  );
  const hex = stored.digest('hex');
  await link(partial, join(directory, 'blobs/sha256', hex));
  await rm(partial);
  return { blob: { digest: `sha256:${hex}`, size }, diffId: `sha256:${plain.digest('hex')}` };
}

async function* tarOf(
  files: readonly Picked[],
  extra: readonly Buffer[],
  onChunk: (chunk: Buffer) => void,
): AsyncGenerator<Buffer> {
  const give = (chunk: Buffer): Buffer => {
    onChunk(chunk);
    return chunk;
  };
  const made = new Set<string>();
  for (const { path, stats } of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) {
      const parent = path.slice(1, at);
      if (made.has(parent)) continue;
      made.add(parent);
      yield give(formatHeader({ ...owner, path: parent, type: 'directory', mode: 0o755, size: 0 }));
    }
    // Read before its header is written: a package may be upgraded while this runs.
    const data = stats.isFile() ? await readFile(path) : Buffer.alloc(0);
    yield give(formatHeader(await memberOf(path, stats, data.length)));
    if (data.length > 0) yield give(data);
    yield give(filling(data.length));
  }
  for (const chunk of extra) yield give(chunk);
  yield give(endOfArchive());
}

const owner = { uid: 0, gid: 0, mtime: 1_700_000_000 } as const;

async function memberOf(path: string, stats: Stats, size: number): Promise<TarMember> {
  const name = Buffer.from(path.slice(1)).toString('latin1');
  const common = { ...owner, path: name, mode: stats.mode & 0o7777 };
  if (stats.isFile()) return { ...common, type: 'file', size };
  return { ...common, type: 'symlink', size: 0, linkPath: await readlink(path, 'latin1') };
}

async function writeImage(
  directory: string,
  layers: readonly { blob: Blob; diffId: string }[],
): Promise<void> {
  const put = async (mediaType: string, value: unknown): Promise<Blob & { mediaType: string }> => {
    const bytes = Buffer.from(JSON.stringify(value));
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(directory, 'blobs/sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const config = await put('application/vnd.oci.image.config.v1+json', {
    architecture: 'amd64',
    os: 'linux',
    created: '2024-01-01T00:00:00Z',
    config: { Cmd: ['/usr/bin/sh'], Env: ['PATH=/usr/bin'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const manifest = await put('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: layers.map(({ blob }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      ...blob,
    })),
  });
  const annotations = { 'org.opencontainers.image.ref.name': 'bench' };
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(
    join(directory, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
}
