import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { TargetDraft } from './draft.ts';
import { normaliseName } from './names.ts';
import { entry, list, map, scalar } from './tree.ts';

const MAX_DEPTH = 8;
const SKIPPED = new Set(['node_modules']);
const WHOLE = ['Dockerfile', 'Containerfile'];

/**
 * Makes a target of every folder with a `Dockerfile` (or `Containerfile`) below a folder, called
 * by its path, and of every `NAME.Dockerfile` or `Dockerfile.NAME`, whose context is its folder.
 * Hidden folders, `node_modules` and links are passed over.
 */
export async function readFolder(root: string): Promise<TargetDraft[]> {
  const found = await search(root, root, 0);
  return found.sort((a, b) => compare(a.name, b.name));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

async function search(root: string, folder: string, depth: number): Promise<TargetDraft[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((one) => !one.isDirectory()).map(({ name }) => name);
  const whole = WHOLE.find((name) => files.includes(name));
  const here = path.relative(root, folder).split(path.sep).join('/');
  const own = here === '' ? path.basename(path.resolve(root)) : here;
  const targets = whole === undefined ? [] : [draft(own, folder, whole)];
  for (const file of files) {
    const name = nameOf(file);
    if (name !== undefined)
      targets.push(draft(here === '' ? name : `${here}/${name}`, folder, file));
  }
  if (depth === MAX_DEPTH) return targets;
  for (const one of entries) {
    if (!one.isDirectory() || one.name.startsWith('.') || SKIPPED.has(one.name)) continue;
    targets.push(...(await search(root, path.join(folder, one.name), depth + 1)));
  }
  return targets;
}

/** A Dockerfile that was named itself: a target called like its folder, or as the file says. */
export function draftDockerfile(file: string): TargetDraft {
  const folder = path.dirname(file);
  const dockerfile = path.basename(file);
  return draft(nameOf(dockerfile) ?? path.basename(folder), folder, dockerfile);
}

/** `api` of `api.Dockerfile`, `Dockerfile.api` and the same with Containerfile. */
function nameOf(file: string): string | undefined {
  const match = /^(?:(.+)\.(?:Docker|Container)file|(?:Docker|Container)file\.(.+))$/i.exec(file);
  const name = match?.[1] ?? match?.[2];
  return name === 'dockerignore' ? undefined : name;
}

function draft(name: string, folder: string, dockerfile: string): TargetDraft {
  const file = path.join(folder, dockerfile);
  const place = { file };
  const body = map(
    [
      ['context', entry(scalar(folder, place))],
      ['dockerfile', entry(scalar(dockerfile, place))],
      ['tags', entry(list([scalar(`${normaliseName(name)}:latest`, place)], place))],
    ],
    place,
  );
  return { name, place, body, base: folder };
}
