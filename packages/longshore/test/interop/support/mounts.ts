import { readFile } from 'node:fs/promises';
import { mustRun } from './programs.ts';

/** Unmounts what programs have mounted in a folder and, when they were killed, left there. */
export async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  const below = mounts
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of below.toReversed()) await mustRun('umount', ['--lazy', path]);
}
