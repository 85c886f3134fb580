import { randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeFolders } from '../../fileSystem.ts';

/** Writes files of a report, each whole or not at all. */
export async function writeFiles(
  folder: string,
  files: ReadonlyMap<string, string | Uint8Array>,
): Promise<void> {
  for (const [name, content] of files) {
    const target = path.join(folder, name);
    await makeFolders(path.dirname(target));
    const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    await writeFile(temporary, content, { flag: 'wx' });
    await rename(temporary, target);
  }
}
