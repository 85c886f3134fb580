import { readFile } from 'node:fs/promises';
import { errnoOf } from '../../../errors.ts';
import type { SourcePlace } from '../../target.ts';
import { describe, type MapNode, mapScalars, type Report, scalar, type TreeNode } from '../tree.ts';
import { readYamlTree } from '../yamlTree.ts';
import type { Environment } from './environment.ts';
import { interpolate } from './interpolate.ts';
import { checkTopKeys } from './keys.ts';
import { resolvePaths } from './paths.ts';

export interface ComposeContext {
  readonly report: Report;
  /** Takes note of a variable that is not set. */
  readonly unset: (name: string) => void;
}

/**
 * Reads one compose file: interpolated, paths absolute, not merged with anything.
 * @param base - what its paths count from
 * @param asked - where the file is asked for, to tell when it is not there
 */
export async function loadComposeFile(
  file: string,
  options: {
    readonly base: string;
    readonly environment: Environment;
    readonly asked: SourcePlace;
    readonly context: ComposeContext;
  },
): Promise<MapNode | undefined> {
  const { base, environment, asked, context } = options;
  const text = await readText(file, asked, context.report);
  if (text === undefined) return undefined;
  const tree = await readYamlTree(text, file, context.report);
  if (tree === undefined) return undefined;
  if (tree.kind !== 'map') {
    context.report(tree.place, `a compose file is a mapping with services, not ${describe(tree)}`);
    return undefined;
  }
  checkTopKeys(tree, context.report);
  const whole = interpolateTree(tree, environment, context);
  return whole.kind === 'map' ? resolvePaths(whole, base) : undefined;
}

async function readText(
  file: string,
  asked: SourcePlace,
  report: Report,
): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    report(asked, `${file} ${errno === 'ENOENT' ? 'does not exist' : `cannot be read: ${errno}`}`);
    return undefined;
  }
}

function interpolateTree(
  tree: TreeNode,
  environment: Environment,
  { report, unset }: ComposeContext,
): TreeNode {
  return mapScalars(tree, (node) => {
    if (typeof node.value !== 'string') return node;
    const result = interpolate(node.value, (name) => environment[name]);
    if (!result.ok) {
      report(node.place, result.message);
      return node;
    }
    for (const name of result.unset) unset(name);
    return { ...scalar(result.text, node.place), tag: node.tag };
  });
}
