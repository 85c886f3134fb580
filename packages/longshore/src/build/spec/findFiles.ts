import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Report } from './tree.ts';

/** What is to be read, by what it is. Paths are absolute. */
export interface SpecFiles {
  readonly compose: readonly string[];
  readonly bake: readonly string[];
  readonly folders: readonly string[];
  /** Dockerfiles that were named themselves. */
  readonly dockerfiles: readonly string[];
}

const BAKE = [
  'docker-bake.json',
  'docker-bake.hcl',
  'docker-bake.override.json',
  'docker-bake.override.hcl',
];
const COMPOSE = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const COMPOSE_OVERRIDE = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];

/** Sorts the files that were named. */
export async function sortFiles(
  files: readonly string[],
  options: { readonly cwd: string; readonly report: Report },
): Promise<SpecFiles> {
  const found = { compose: [], bake: [], folders: [], dockerfiles: [] } as {
    [kind in keyof SpecFiles]: string[];
  };
  for (const file of files) {
    const full = path.resolve(options.cwd, file);
    const kind = await kindOf(full, options.report);
    if (kind !== undefined && !found[kind].includes(full)) found[kind].push(full);
  }
  return found;
}

async function kindOf(file: string, report: Report): Promise<keyof SpecFiles | undefined> {
  try {
    if ((await stat(file)).isDirectory()) return 'folders';
  } catch (error) {
    const errno = errnoOf(error);
    report({ file }, errno === 'ENOENT' ? 'there is no such file' : `cannot be read: ${errno}`);
    return undefined;
  }
  const name = path.basename(file).toLowerCase();
  if (/\.ya?ml$/.test(name)) return 'compose';
  if (/\.(?:hcl|json)$/.test(name)) return 'bake';
  if (/(?:docker|container)file/.test(name)) return 'dockerfiles';
  report(
    { file },
    'expected a bake file (.hcl, .json), a compose file (.yaml, .yml), a Dockerfile or a folder',
  );
  return undefined;
}

/**
 * What buildx and compose find by themselves: bake files with their overrides, a compose file with
 * its override or what `COMPOSE_FILE` names; where there is none of them, the folder itself.
 */
export async function findFiles(
  cwd: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<SpecFiles> {
  const names = new Set(await readdir(cwd));
  const there = (name: string): boolean => names.has(name);
  const bake = BAKE.filter(there);
  const main = COMPOSE.find(there);
  const override = main === undefined ? undefined : COMPOSE_OVERRIDE.find(there);
  const given = environment['COMPOSE_FILE'];
  const separator = environment['COMPOSE_PATH_SEPARATOR'] ?? path.delimiter;
  const compose =
    given === undefined || given === ''
      ? [main, override].filter((name) => name !== undefined)
      : given.split(separator).filter((name) => name !== '');
  const full = (name: string): string => path.resolve(cwd, name);
  const none = bake.length === 0 && compose.length === 0;
  return {
    compose: compose.map(full),
    bake: bake.map(full),
    folders: none ? [cwd] : [],
    dockerfiles: [],
  };
}
