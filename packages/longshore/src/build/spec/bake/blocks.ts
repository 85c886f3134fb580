import type { SourcePlace } from '../../target.ts';
import { describe, type MapNode, type Report, type TreeNode } from '../tree.ts';

/** `target "name" {...}` as JSON has it. */
export interface Block {
  readonly label: string;
  readonly place: SourcePlace;
  readonly body: MapNode;
}

/**
 * The labelled blocks of a kind, in all forms of HCL's JSON: `{"a": {...}}`, `{"a": [{...}, ...]}`
 * and lists of either.
 */
export function readBlocks(node: TreeNode | undefined, report: Report): Block[] {
  if (node === undefined) return [];
  if (node.kind === 'list') return node.items.flatMap((item) => readBlocks(item, report));
  if (node.kind !== 'map') {
    report(node.place, `expected names with a mapping each, not ${describe(node)}`);
    return [];
  }
  return [...node.entries].flatMap(([label, { place, value }]) =>
    readBodies(value, report).map((body) => ({ label, place, body: withoutComments(body) })),
  );
}

/** HCL's JSON has no comments but values of this key, at the top and within blocks. */
export const COMMENT = '//';

function readBodies(node: TreeNode, report: Report): MapNode[] {
  if (node.kind === 'map') return [node];
  if (node.kind === 'list') return node.items.flatMap((item) => readBodies(item, report));
  report(node.place, `expected a mapping, not ${describe(node)}`);
  return [];
}

function withoutComments(body: MapNode): MapNode {
  if (!body.entries.has(COMMENT)) return body;
  return { ...body, entries: new Map([...body.entries].filter(([key]) => key !== COMMENT)) };
}
