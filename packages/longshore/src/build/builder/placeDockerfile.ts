import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildTarget } from '../target.ts';

/** Where a target's Dockerfile is; one that stood in the specification is written into `folder`. */
export async function placeDockerfile(
  { dockerfile }: BuildTarget,
  folder: string,
): Promise<string> {
  if (dockerfile.kind === 'file') return dockerfile.path;
  const path = join(folder, 'Dockerfile');
  await writeFile(path, dockerfile.text);
  return path;
}
