import { readFile } from 'node:fs/promises';
import { errnoOf } from '../../../errors.ts';
import type { BuildProblem } from '../../problems.ts';
import { readJsonTree } from '../jsonTree.ts';
import type { ReadBuildGraphOptions } from '../options.ts';
import type { Report, TreeNode } from '../tree.ts';
import { type BakeDraft, readBake } from './readBake.ts';

export function isHcl(file: string): boolean {
  return file.toLowerCase().endsWith('.hcl');
}

/**
 * Reads JSON bake files that hold no more than variables, for machines without Docker.
 * @returns `needs buildx` where one is HCL or has expressions that only buildx works out; nothing
 *   was reported then
 */
export async function readBakeJson(
  files: readonly string[],
  options: Pick<ReadBuildGraphOptions, 'environment' | 'workingDirectory'>,
  report: Report,
): Promise<BakeDraft | 'needs buildx'> {
  if (files.some(isHcl)) return 'needs buildx';
  const { draft, problems } = await tryBakeJson(files, options);
  if (draft.needsBuildx.length > 0) return 'needs buildx';
  for (const { place, message } of problems) report(place, message);
  return draft;
}

/** The same with everything that there is to say. */
export async function tryBakeJson(
  files: readonly string[],
  options: Pick<ReadBuildGraphOptions, 'environment' | 'workingDirectory'>,
): Promise<{ readonly draft: BakeDraft; readonly problems: readonly BuildProblem[] }> {
  const problems: BuildProblem[] = [];
  const note: Report = (place, message) => void problems.push({ place, message });
  const trees: TreeNode[] = [];
  for (const file of files.filter((one) => !isHcl(one))) {
    const text = await readText(file, note);
    const tree = text === undefined ? undefined : await readJsonTree(text, file, note);
    if (tree !== undefined) trees.push(tree);
  }
  const { environment, workingDirectory: base } = options;
  return { draft: readBake(trees, { environment, base, report: note }), problems };
}

async function readText(file: string, report: Report): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    report({ file }, `cannot be read: ${errnoOf(error) ?? String(error)}`);
    return undefined;
  }
}
