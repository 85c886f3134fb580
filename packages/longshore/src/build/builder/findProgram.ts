import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Environment } from './options.ts';

/** A user's PATH often lacks these, where distributions keep daemons and their tools. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Where a program is, by the `PATH` that was handed in, or `undefined`. */
export async function findProgram(
  name: string,
  environment: Environment,
): Promise<string | undefined> {
  const path = environment['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  for (const folder of [...path.split(delimiter).filter(isAbsolute), ...SYSTEM_FOLDERS]) {
    const candidate = join(folder, name);
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
