import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

export const run = promisify(execFile);

/** Debian 12 has no package of it, so that a machine may lack it, also in CI. */
const NOT_IN_DEBIAN: ReadonlySet<string> = new Set(['apptainer']);

/** Says loudly what is not tested for want of a tool; in CI that is a failure. */
export async function needs(t: TestContext, ...tools: readonly string[]): Promise<boolean> {
  const missing: string[] = [];
  for (const tool of tools) {
    const found = await run('/bin/sh', ['-c', `command -v ${tool}`]).catch(() => undefined);
    if (found === undefined) missing.push(tool);
  }
  if (tools.includes('umoci') && process.geteuid?.() !== 0) missing.push('root');
  if (missing.length === 0) return true;
  const reason = `NOT TESTED: ${missing.join(', ')} missing`;
  if (missing.some((tool) => !NOT_IN_DEBIAN.has(tool))) {
    assert.notEqual(process.env['CI'], 'true', reason);
  }
  t.skip(reason);
  return false;
}

/** Every path with all that is comparable of it; names as bytes. */
export async function describeTree(
  root: string,
  withXattrs: boolean,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const names = new Map<number, string[]>();
  const walk = async (path: Buffer, name: string): Promise<void> => {
    const stats = lstatSync(path);
    if (!stats.isDirectory()) names.set(stats.ino, [...(names.get(stats.ino) ?? []), name]);
    let what = `${(stats.mode & 0o170000).toString(8)} ${(stats.mode & 0o7777).toString(8)} ${stats.uid}:${stats.gid}`;
    if (stats.isFile()) {
      const bytes = await readFile(path);
      what += ` ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)} ${stats.mtimeMs / 1000}`;
    } else if (stats.isSymbolicLink()) {
      what += ` -> ${(await readlink(path, 'buffer')).toString('latin1')}`;
    } else if (!stats.isDirectory()) what += ` ${stats.rdev}`;
    if (withXattrs) what += await xattrsOf(path);
    found[name] = `${what} #${stats.ino}`;
    if (!stats.isDirectory()) return;
    for (const entry of await readdir(path, { encoding: 'buffer' })) {
      const child = Buffer.concat([path, Buffer.from('/'), entry]);
      await walk(child, `${name}/${entry.toString('latin1')}`);
    }
  };
  await walk(Buffer.from(root), '');
  for (const [name, what] of Object.entries(found)) {
    const [text = '', inode = ''] = what.split(' #');
    found[name] = `${text} ${(names.get(Number(inode)) ?? []).toSorted().join(' = ')}`;
  }
  return found;
}

async function xattrsOf(path: Buffer): Promise<string> {
  const name = path.toString('utf8');
  if (!Buffer.from(name).equals(path)) return '';
  const { stdout } = await run('getfattr', [
    '-h',
    '-d',
    '-m',
    '-',
    '-e',
    'hex',
    '--absolute-names',
    name,
  ]);
  return stdout
    .split('\n')
    .filter((line) => line.includes('='))
    .toSorted()
    .join(' ');
}

/** Unpacks an OCI archive by umoci, in an empty folder; returns the root. */
export async function umoci(archive: string, folder: string): Promise<string> {
  const layout = join(folder, 'layout');
  await mkdir(layout);
  await run('tar', ['-xf', archive, '-C', layout]);
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  index.manifests[0].annotations = { 'org.opencontainers.image.ref.name': 'x' };
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
  const bundle = join(dirname(layout), 'bundle');
  await run('umoci', ['unpack', '--image', `${layout}:x`, bundle]);
  return join(bundle, 'rootfs');
}

/** Directories that no layer has an entry for: umoci leaves the moment of unpacking and the umask. */
export function comparable(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => name !== ''));
}

/** squashfs keeps hard links of files only, not those of symlinks and devices; and whole seconds. */
export function asSquashfs(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(comparable(tree)).map(([name, what]) => [
      name,
      what.startsWith('100000') ? what.replace(/ (\d+)\.\d+/, ' $1') : (what.split(' /')[0] ?? ''),
    ]),
  );
}
