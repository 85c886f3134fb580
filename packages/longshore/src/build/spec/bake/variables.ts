import type { SourcePlace } from '../../target.ts';
import { readText } from '../scalars.ts';
import { get, type Report, scalar, type TreeNode } from '../tree.ts';
import type { Block } from './blocks.ts';
import type { Scope } from './template.ts';

/** How a value with expressions becomes one without. */
export type Evaluate = (node: TreeNode, scope: Scope) => TreeNode;

export interface VariablesOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly evaluate: Evaluate;
  readonly report: Report;
  /** Takes note of what only buildx can do. */
  readonly needsBuildx: (place: SourcePlace, message: string) => void;
}

/**
 * The variables of all files: a default, or what the environment has for it. Their defaults, and
 * attributes outside of blocks, may use others; each is worked out once, when it is first needed.
 */
export function variableScope(
  declared: readonly Block[],
  attributes: ReadonlyMap<string, TreeNode>,
  options: VariablesOptions,
): Scope {
  const sources = new Map<string, Source>();
  for (const [name, node] of attributes) {
    sources.set(name, { place: node.place, read: () => options.evaluate(node, scope) });
  }
  for (const block of declared) {
    const read = (): TreeNode => readVariable(block, scope, options);
    sources.set(block.label, { place: block.place, read });
  }
  const values = new Map<string, TreeNode>();
  const open = new Set<string>();
  const scope: Scope = {
    names: () => sources.keys(),
    lookup(name) {
      const known = values.get(name);
      const source = sources.get(name);
      if (known !== undefined || source === undefined) return known;
      if (open.has(name)) {
        options.report(source.place, `the variable ${name} is made of itself`);
        return scalar('', source.place);
      }
      open.add(name);
      const value = source.read();
      open.delete(name);
      values.set(name, value);
      return value;
    },
  };
  // Mistakes in variables that nothing uses are mistakes too.
  for (const name of sources.keys()) scope.lookup(name);
  return scope;
}

interface Source {
  readonly place: SourcePlace;
  readonly read: () => TreeNode;
}

const KEYS = new Set(['default', 'description', 'type']);

function readVariable(block: Block, scope: Scope, options: VariablesOptions): TreeNode {
  const { environment, evaluate, report, needsBuildx } = options;
  for (const [key, { place }] of block.body.entries) {
    if (key === 'validation') needsBuildx(place, 'only buildx validates variables');
    else if (!KEYS.has(key))
      report(place, `a variable has default, type and description, no ${key}`);
  }
  const written = get(block.body, 'default');
  const value = written === undefined ? undefined : evaluate(written, scope);
  const given = environment[block.label];
  // buildx has it so: without a default a variable is an empty text.
  if (given === undefined) return value ?? scalar('', block.place);
  const type = readText(get(block.body, 'type'), report) ?? typeOf(value);
  const typed = fromText(given, type);
  if (typed !== undefined) return scalar(typed, block.place);
  if (['list', 'map', 'set', 'object', 'tuple'].some((word) => type.startsWith(word))) {
    needsBuildx(
      block.place,
      `${block.label} is a ${type}: only buildx reads one from the environment`,
    );
  } else {
    report(block.place, `${block.label} has to be a ${type}, not ${JSON.stringify(given)}`);
  }
  return scalar(given, block.place);
}

function typeOf(value: TreeNode | undefined): string {
  if (value === undefined) return 'string';
  if (value.kind !== 'scalar') return value.kind;
  if (typeof value.value === 'number') return 'number';
  return typeof value.value === 'boolean' ? 'bool' : 'string';
}

function fromText(text: string, type: string): string | number | boolean | undefined {
  if (type === 'string' || type === 'any') return text;
  if (type === 'number')
    return text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text);
  if (type !== 'bool') return undefined;
  const word = text.toLowerCase();
  if (['1', 't', 'true'].includes(word)) return true;
  return ['0', 'f', 'false'].includes(word) ? false : undefined;
}
