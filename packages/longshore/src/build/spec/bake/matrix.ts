import { readText } from '../scalars.ts';
import { describe, get, type MapNode, type Report, type TreeNode } from '../tree.ts';
import type { Block } from './blocks.ts';
import type { Scope } from './template.ts';
import type { Evaluate } from './variables.ts';

export interface Expanded {
  readonly name: string;
  readonly block: Block;
  readonly scope: Scope;
}

/** One target, or one for each combination of the values of its matrix. */
export function expandMatrix(
  block: Block,
  scope: Scope,
  options: { readonly evaluate: Evaluate; readonly report: Report },
): readonly Expanded[] {
  const { evaluate, report } = options;
  const matrix = get(block.body, 'matrix');
  const name = get(block.body, 'name');
  if (matrix === undefined) {
    if (name !== undefined) report(name.place, 'a name needs a matrix that it varies with');
    return [{ name: block.label, block: without(block), scope }];
  }
  const axes = readAxes(evaluate(matrix, scope), report);
  if (name === undefined) {
    report(matrix.place, 'a matrix needs a name that differs with its values, like "app-${item}"');
    return [];
  }
  return combinations(axes).map((values) => {
    const inner = within(scope, values);
    const text = readText(evaluate(name, inner), report) ?? '';
    return { name: text, block: without(block), scope: inner };
  });
}

type Axis = readonly [string, readonly TreeNode[]];

function readAxes(matrix: TreeNode, report: Report): Axis[] {
  if (matrix.kind !== 'map') {
    report(matrix.place, `a matrix has names with a list each, not ${describe(matrix)}`);
    return [];
  }
  return [...matrix.entries].flatMap(([key, { value }]): Axis[] => {
    if (value.kind === 'list') return [[key, value.items]];
    report(value.place, `${key} of a matrix is a list, not ${describe(value)}`);
    return [];
  });
}

function combinations(axes: readonly Axis[]): ReadonlyMap<string, TreeNode>[] {
  let found: ReadonlyMap<string, TreeNode>[] = [new Map()];
  for (const [name, values] of axes) {
    found = found.flatMap((one) => values.map((value) => new Map([...one, [name, value]])));
  }
  return found;
}

function within(scope: Scope, values: ReadonlyMap<string, TreeNode>): Scope {
  return {
    lookup: (name) => values.get(name) ?? scope.lookup(name),
    names: () => [...values.keys(), ...scope.names()],
  };
}

function without(block: Block): Block {
  const body: MapNode = {
    ...block.body,
    entries: new Map([...block.body.entries].filter(([key]) => key !== 'matrix' && key !== 'name')),
  };
  return { ...block, body };
}
