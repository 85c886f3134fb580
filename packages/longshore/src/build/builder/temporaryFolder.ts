import { lstat, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type HolderIdentity,
  holderFields,
  isProvablyDead,
  ownIdentity,
  probeProcess,
  readHolder,
} from '../../holder.ts';
import { readJsonObject } from './json.ts';

/** Says whose folder it is. */
const HOLDER_FILE = 'holder.json';

/** How long a folder is left alone of which nobody can prove that its process has ended. */
const LEFT_ALONE_MS = 24 * 60 * 60 * 1000;

/**
 * Makes a folder of this process's own in `parent`, and removes those that killed processes of this user
 * have left there: they may hold credentials.
 * @param prefix of its name, and of theirs
 */
export async function makeTemporaryFolder(parent: string, prefix: string): Promise<string> {
  const folder = await mkdtemp(join(parent, prefix));
  const own = ownIdentity();
  await writeFile(join(folder, HOLDER_FILE), JSON.stringify(holderFields(own)));
  await removeLeftovers(parent, prefix, own);
  return folder;
}

async function removeLeftovers(parent: string, prefix: string, own: HolderIdentity): Promise<void> {
  // A folder that one may write to but not list has its leftovers for somebody else to find.
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const path = join(parent, name);
    // Another process may be removing it as well.
    const isOver = await isLeftover(path, own);
    if (isOver) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

async function isLeftover(path: string, own: HolderIdentity): Promise<boolean> {
  // Whoever else writes to `parent` may put a link there that leads to a folder of ours.
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || !found.isDirectory() || found.uid !== process.getuid?.()) return false;
  const holder = readHolder(await readJsonObject(join(path, HOLDER_FILE)));
  if (holder !== undefined && isProvablyDead(holder, own, probeProcess)) return true;
  // Killed before it could say whose it is, or before this machine was started anew: another one that
  // shares the folder may have the same name, so that is no proof.
  const mayBeOurs =
    holder === undefined || (holder.host === own.host && holder.bootId !== own.bootId);
  return mayBeOurs && Date.now() - found.mtimeMs > LEFT_ALONE_MS;
}
