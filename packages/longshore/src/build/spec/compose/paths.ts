import path from 'node:path';
import { isRemoteContext } from '../contexts.ts';
import { entry, get, type MapEntry, type MapNode, map, scalar, type TreeNode } from '../tree.ts';
import { toMap } from './mergeCompose.ts';

/**
 * Makes the paths of a file absolute that say what is built from what. It has to happen before
 * files of other folders are merged in: each file's paths count from a folder of its own.
 */
export function resolvePaths(file: MapNode, base: string): MapNode {
  const services = changeEach(get(file, 'services'), (service) => resolveService(service, base));
  const secrets = changeEach(get(file, 'secrets'), (secret) =>
    change(secret, 'file', (node) => absolute(node, base)),
  );
  return withKeys(file, { services, secrets });
}

function resolveService(service: TreeNode, base: string): TreeNode {
  return change(service, 'build', (build) => {
    if (build.kind === 'scalar' && build.value !== null) {
      return { ...map([['context', entry(absolute(build, base))]], build.place), tag: build.tag };
    }
    const withContext = change(build, 'context', (node) => absolute(node, base));
    return change(withContext, 'additional_contexts', (contexts) => {
      const named = changeEach(toMap(contexts), (node) => absolute(node, base));
      return named ?? contexts;
    });
  });
}

function absolute(node: TreeNode, base: string): TreeNode {
  if (node.kind !== 'scalar' || typeof node.value !== 'string' || node.value === '') return node;
  if (isRemoteContext(node.value) || /^[a-z][a-z-]*:/.test(node.value)) return node;
  return { ...scalar(path.resolve(base, node.value), node.place), tag: node.tag };
}

function change(node: TreeNode, key: string, by: (node: TreeNode) => TreeNode): TreeNode {
  const found = node.kind === 'map' ? node.entries.get(key) : undefined;
  if (node.kind !== 'map' || found === undefined) return node;
  return withKeys(node, { [key]: by(found.value) });
}

function changeEach(
  node: TreeNode | undefined,
  by: (node: TreeNode) => TreeNode,
): MapNode | undefined {
  if (node?.kind !== 'map') return undefined;
  const entries = [...node.entries].map(([key, { place, value }]): [string, MapEntry] => [
    key,
    { place, value: by(value) },
  ]);
  return { ...node, entries: new Map(entries) };
}

/** The same mapping with other values for keys that it has. */
export function withKeys(
  node: MapNode,
  values: Readonly<Record<string, TreeNode | undefined>>,
): MapNode {
  const entries = new Map(node.entries);
  for (const [key, value] of Object.entries(values)) {
    const found = entries.get(key);
    if (value !== undefined) entries.set(key, { place: found?.place ?? value.place, value });
  }
  return { ...node, entries };
}
