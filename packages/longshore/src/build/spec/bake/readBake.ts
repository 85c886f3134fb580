import { didYouMean } from '../../../suggest.ts';
import type { BuildProblem } from '../../problems.ts';
import type { SourcePlace } from '../../target.ts';
import type { GroupDraft, TargetDraft } from '../draft.ts';
import { readItems, readText } from '../scalars.ts';
import {
  describe,
  get,
  list,
  type MapEntry,
  type MapNode,
  map,
  type Report,
  type TreeNode,
} from '../tree.ts';
import { type Block, COMMENT, readBlocks } from './blocks.ts';
import { expandMatrix } from './matrix.ts';
import { evaluateTemplate, type Scope } from './template.ts';
import { variableScope } from './variables.ts';

export interface BakeOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What relative paths count from: for bake where the command runs. */
  readonly base: string;
  readonly report: Report;
}

export interface BakeDraft {
  /** In the order of the files, names possibly more than once, nothing inherited yet. */
  readonly targets: readonly TargetDraft[];
  readonly groups: readonly GroupDraft[];
  /** What only buildx can work out. Where there is any, the targets are not complete. */
  readonly needsBuildx: readonly BuildProblem[];
}

const TOP = new Set(['variable', 'group', 'target', 'function', COMMENT]);
const NAME = /^[a-zA-Z0-9_-]+$/;

/** Reads JSON bake files, all of one build together: their variables are shared. */
export function readBake(files: readonly TreeNode[], options: BakeOptions): BakeDraft {
  const { environment, report } = options;
  const beyond: BuildProblem[] = [];
  const needsBuildx = (place: SourcePlace, message: string): void => {
    beyond.push({ place, message });
  };
  const evaluate = evaluator(report, needsBuildx);
  const roots = files.filter((file) => isMap(file, report));
  const blocks = (kind: string): Block[] =>
    roots.flatMap((root) => readBlocks(get(root, kind), report));
  for (const block of blocks('function')) {
    needsBuildx(block.place, `only buildx knows functions such as ${block.label}`);
  }
  const scope = variableScope(blocks('variable'), readAttributes(roots), {
    environment,
    evaluate,
    report,
    needsBuildx,
  });
  const reading: Reading = { ...options, evaluate, scope };
  const expanded = blocks('target').map((block) => readTargetBlock(block, reading));
  return {
    targets: expanded.flatMap(({ targets }) => targets),
    groups: [
      ...mergeGroups(blocks('group').map((block) => readGroup(block, reading))),
      ...expanded.flatMap(({ group }) => group ?? []),
    ],
    needsBuildx: beyond,
  };
}

interface Reading extends BakeOptions {
  readonly evaluate: (node: TreeNode, scope: Scope) => TreeNode;
  readonly scope: Scope;
}

function isMap(node: TreeNode, report: Report): node is MapNode {
  if (node.kind === 'map') return true;
  report(
    node.place,
    `a bake file is a mapping with target, group and variable, not ${describe(node)}`,
  );
  return false;
}

/** What stands outside of blocks is a variable that the environment does not change. */
function readAttributes(roots: readonly MapNode[]): Map<string, TreeNode> {
  const all = roots.flatMap((root) => [...root.entries]);
  const others = all.filter(([key]) => !TOP.has(key));
  return new Map(others.map(([key, { value }]) => [key, value]));
}

/** Evaluates all texts of a value, the keys of mappings too. */
function evaluator(
  report: Report,
  needsBuildx: (place: SourcePlace, message: string) => void,
): Reading['evaluate'] {
  const text = (node: TreeNode, scope: Scope): TreeNode => {
    if (node.kind !== 'scalar') return node;
    const result = evaluateTemplate(node, scope);
    if (result.ok) return result.node;
    (result.needsBuildx ? needsBuildx : report)(result.place, result.message);
    // Nothing, so that what is missing here is not found wrong again as what it is used for.
    return { ...node, value: null };
  };
  const evaluate = (node: TreeNode, scope: Scope): TreeNode => {
    if (node.kind === 'scalar') return text(node, scope);
    if (node.kind === 'list') {
      return list(
        node.items.map((item) => evaluate(item, scope)),
        node.place,
      );
    }
    const pairs = [...node.entries].map(([key, { place, value }]): [string, MapEntry] => {
      const name = readText(text({ kind: 'scalar', value: key, place }, scope), report) ?? key;
      return [name, { place, value: evaluate(value, scope) }];
    });
    return map(pairs, node.place);
  };
  return evaluate;
}

function readTargetBlock(
  block: Block,
  reading: Reading,
): { readonly targets: TargetDraft[]; readonly group?: GroupDraft } {
  const { evaluate, report, scope, base } = reading;
  const targets = expandMatrix(block, scope, { evaluate, report }).map((one): TargetDraft => {
    checkName(one.name, block.place, report);
    const body = evaluate(one.block.body, one.scope);
    return {
      name: one.name,
      place: block.place,
      body: body.kind === 'map' ? body : one.block.body,
      base,
    };
  });
  if (get(block.body, 'matrix') === undefined) return { targets };
  const members = targets.map(({ name }) => ({ name, place: block.place }));
  return { targets, group: { name: block.label, place: block.place, members } };
}

function readGroup(block: Block, reading: Reading): GroupDraft {
  const { evaluate, report, scope } = reading;
  checkName(block.label, block.place, report);
  for (const [key, { place }] of block.body.entries) {
    if (key !== 'targets' && key !== 'description') {
      report(place, `a group has no ${key}${didYouMean(key, ['targets', 'description'])}`);
    }
  }
  const targets = get(block.body, 'targets');
  const items = targets === undefined ? [] : readItems(evaluate(targets, scope), report);
  const members = items.flatMap((item) => {
    const name = readText(item, report);
    return name === undefined ? [] : [{ name, place: item.place }];
  });
  return { name: block.label, place: block.place, members };
}

/** The last one of a name counts, as it does for an override file. */
function mergeGroups(groups: readonly GroupDraft[]): GroupDraft[] {
  return [...new Map(groups.map((group) => [group.name, group])).values()];
}

function checkName(name: string, place: SourcePlace, report: Report): void {
  if (NAME.test(name)) return;
  report(place, `${JSON.stringify(name)} is no name: letters, digits, _ and - only`);
}
