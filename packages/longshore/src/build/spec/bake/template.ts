import { didYouMean } from '../../../suggest.ts';
import type { SourcePlace } from '../../target.ts';
import { describe, type ScalarNode, scalar, type TreeNode } from '../tree.ts';

export interface Scope {
  /** The value of a variable, `undefined` where there is none of that name. */
  readonly lookup: (name: string) => TreeNode | undefined;
  /** All there are, for what was meant. */
  readonly names: () => Iterable<string>;
}

/** What an expression came to. `needsBuildx`: it is right, but only buildx can work it out. */
export type Evaluated =
  | { readonly ok: true; readonly node: TreeNode }
  | {
      readonly ok: false;
      readonly place: SourcePlace;
      readonly message: string;
      readonly needsBuildx: boolean;
    };

const ACCESS = /^\s*(?:\.\s*([a-zA-Z_][\w-]*|\d+)|\[\s*(?:"([^"\\]*)"|(\d+))\s*\])/;

/**
 * Evaluates the `${...}` of a text in a JSON bake file: variables, and what is within them
 * (`${item.name}`, `${list[0]}`). A text that is one expression keeps the type of its value.
 */
export function evaluateTemplate(node: ScalarNode, scope: Scope): Evaluated {
  const text = node.value;
  if (typeof text !== 'string' || !/[$%]\{/.test(text)) return { ok: true, node };
  const parts: TreeNode[] = [];
  let rest = text;
  while (rest !== '') {
    const place = placeIn(node, text.length - rest.length);
    const literal = /^(?:\$\$\{|%%\{|\$(?!\{)|%(?!\{)|[^$%])+/.exec(rest)?.[0];
    if (literal !== undefined) {
      parts.push(scalar(literal.replaceAll('$${', '${').replaceAll('%%{', '%{'), node.place));
      rest = rest.slice(literal.length);
      continue;
    }
    const expression = /^\$\{\s*([a-zA-Z_][\w-]*)/.exec(rest);
    if (expression === null) return needsBuildx(rest, place);
    const name = expression[1] ?? '';
    const found = walk(name, rest.slice(expression[0].length), scope);
    if (found === 'unsupported') return needsBuildx(rest, place);
    if (found === 'no variable') return unknown(name, scope, place);
    if (found.node === undefined) {
      const message = `\${${name}...} has no such part`;
      return { ok: false, place, message, needsBuildx: false };
    }
    parts.push(found.node);
    rest = found.rest;
  }
  return join(parts, node);
}

type Walked = { readonly node: TreeNode | undefined; readonly rest: string };

function walk(name: string, after: string, scope: Scope): Walked | 'unsupported' | 'no variable' {
  let node = scope.lookup(name);
  const known = node !== undefined;
  let rest = after;
  for (let step = ACCESS.exec(rest); step !== null; step = ACCESS.exec(rest)) {
    const key = step[1] ?? step[2] ?? step[3] ?? '';
    rest = rest.slice(step[0].length);
    if (node?.kind === 'list') node = node.items[Number(key)];
    else node = node?.kind === 'map' ? node.entries.get(key)?.value : undefined;
  }
  const end = /^\s*\}/.exec(rest);
  if (end === null) return 'unsupported';
  if (!known) return 'no variable';
  return { node, rest: rest.slice(end[0].length) };
}

function join(parts: readonly TreeNode[], node: ScalarNode): Evaluated {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined)
    return { ok: true, node: movedTo(only, node.place) };
  const odd = parts.find((part) => part.kind !== 'scalar' || part.value === null);
  if (odd !== undefined) {
    const message = `${describe(odd)} cannot be a part of a text`;
    return { ok: false, place: node.place, message, needsBuildx: false };
  }
  const text = parts.map((part) => (part.kind === 'scalar' ? String(part.value) : '')).join('');
  return { ok: true, node: scalar(text, node.place) };
}

/** A value is shown where it is used: that is the line its reader knows. */
function movedTo(node: TreeNode, place: SourcePlace): TreeNode {
  return { ...node, place };
}

function needsBuildx(rest: string, place: SourcePlace): Evaluated {
  const shown = JSON.stringify(/^[$%]\{[^}]*\}?/.exec(rest)?.[0] ?? rest);
  const message = `${shown} is more than a variable: only buildx can work it out`;
  return { ok: false, place, message, needsBuildx: true };
}

function unknown(name: string, scope: Scope, place: SourcePlace): Evaluated {
  // What buildx sets by itself, and references to other blocks.
  if (name.startsWith('BAKE_') || ['target', 'group', 'variable'].includes(name)) {
    const message = `\${${name}} is known to buildx only`;
    return { ok: false, place, message, needsBuildx: true };
  }
  const message = `there is no variable ${name}${didYouMean(name, scope.names())}`;
  return { ok: false, place, message, needsBuildx: false };
}

/** Within the text, as far as it holds no escapes and no line ends. */
function placeIn({ place }: ScalarNode, offset: number): SourcePlace {
  return place.column === undefined ? place : { ...place, column: place.column + 1 + offset };
}
