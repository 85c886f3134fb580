import { readFile, stat } from 'node:fs/promises';
import { errnoOf } from '../../errors.ts';
import { formatPlace } from '../problems.ts';
import type { BuildEdge, BuildTarget, SourcePlace } from '../target.ts';
import type { PlacedTarget } from './draft.ts';
import { canonicalName, findIngredients, type Ingredient } from './edges.ts';
import type { Report } from './tree.ts';

export interface GraphOptions {
  readonly report: Report;
  readonly warn: (message: string) => void;
  /** How a place is shown to the reader. */
  readonly show: (place: SourcePlace) => SourcePlace;
}

/** Whether contexts and Dockerfiles are there, and what the Dockerfiles are made of. */
export async function inspectTarget(
  placed: PlacedTarget,
  options: GraphOptions,
): Promise<readonly Ingredient[]> {
  const { target, placeOf } = placed;
  for (const [name, context] of Object.entries(target.contexts)) {
    if (context.kind === 'folder') {
      await checkFolder(context.path, () => placeOf(`contexts.${name}`), options.report);
    }
  }
  await checkKeys(placed, options.report);
  if (target.context.kind === 'folder') {
    const there = await checkFolder(target.context.path, () => placeOf('context'), options.report);
    if (!there) return [];
  }
  const { dockerfile } = target;
  if (dockerfile.kind === 'inline') {
    const file = `${formatPlace(options.show(placeOf('dockerfile-inline')))} (inline Dockerfile of ${target.name})`;
    return findIngredients(placed, { text: dockerfile.text, file }, options);
  }
  // What is fetched together with its context cannot be read yet.
  if (target.context.kind === 'url' && !dockerfile.path.startsWith('/')) return [];
  const text = await readDockerfile(dockerfile.path, placed, options.report);
  const { file } = options.show({ file: dockerfile.path });
  return text === undefined ? [] : findIngredients(placed, { text, file }, options);
}

/** A secret or a key that is not there would fail its build in the middle of the run. */
async function checkKeys({ target, placeOf }: PlacedTarget, report: Report): Promise<void> {
  for (const { id, from } of target.secrets) {
    if (from.kind === 'file' && !(await exists(from.path))) {
      report(placeOf('secret'), `the secret ${id} of ${target.name}: ${from.path} does not exist`);
    }
  }
  for (const { id, paths } of target.ssh) {
    for (const key of paths) {
      if (await exists(key)) continue;
      report(placeOf('ssh'), `the key ${id} of ${target.name}: ${key} does not exist`);
    }
  }
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}

async function checkFolder(
  folder: string,
  place: () => Parameters<Report>[0],
  report: Report,
): Promise<boolean> {
  try {
    if ((await stat(folder)).isDirectory()) return true;
    report(place(), `the context ${folder} is no folder`);
  } catch (error) {
    const errno = errnoOf(error);
    report(
      place(),
      `the context ${folder} ${errno === 'ENOENT' ? 'does not exist' : `cannot be read: ${errno}`}`,
    );
  }
  return false;
}

async function readDockerfile(
  file: string,
  { target, placeOf }: PlacedTarget,
  report: Report,
): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    const reason =
      errno === 'ENOENT' ? 'does not exist' : `cannot be read: ${errno ?? String(error)}`;
    report(placeOf('dockerfile'), `the Dockerfile ${file} of ${target.name} ${reason}`);
    return undefined;
  }
}

/**
 * The edges between targets: named contexts that are targets, and whatever a Dockerfile names that
 * is another target's tag.
 */
export function findEdges(
  targets: readonly PlacedTarget[],
  ingredients: ReadonlyMap<string, readonly Ingredient[]>,
  owners: ReadonlyMap<string, string>,
): { readonly edges: readonly BuildEdge[]; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const edges = targets.flatMap(({ target }) => {
    const found = new Map(linkedEdges(target).map((edge) => [edge.reference, edge]));
    const contexts = new Set(Object.keys(target.contexts).map(canonicalName));
    for (const { reference, place } of ingredients.get(target.name) ?? []) {
      const name = canonicalName(reference);
      const owner = owners.get(name);
      if (owner === undefined || contexts.has(name)) continue;
      if (owner === target.name) {
        warnings.push(
          `${formatPlace(place)}: ${target.name} is built from ${reference}, its own tag: the one in the registry is meant`,
        );
      } else found.set(reference, { from: target.name, to: owner, reference });
    }
    return [...found.values()];
  });
  return { edges, warnings };
}

export function linkedEdges(target: BuildTarget): BuildEdge[] {
  return Object.entries(target.contexts).flatMap(([reference, context]) =>
    context.kind === 'target' ? [{ from: target.name, to: context.target, reference }] : [],
  );
}
