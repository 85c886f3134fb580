import type { SourcePlace } from '../target.ts';

/**
 * What a file says, with the place of each value, so that whatever is found wrong later (after
 * interpolation, inheritance and merging) can still be shown where somebody wrote it.
 */
export type TreeNode = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  readonly place: SourcePlace;
  readonly tag?: MergeTag | undefined;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly TreeNode[];
  readonly place: SourcePlace;
  readonly tag?: MergeTag | undefined;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly place: SourcePlace;
  readonly tag?: MergeTag | undefined;
}

export interface MapEntry {
  /** Where the key is. */
  readonly place: SourcePlace;
  readonly value: TreeNode;
}

/** Compose's `!reset` and `!override`: what merging does with a value instead of merging it. */
export type MergeTag = 'reset' | 'override';

/** Takes note of something wrong and lets the reading go on, to find what else is. */
export type Report = (place: SourcePlace, message: string) => void;

export function scalar(value: ScalarNode['value'], place: SourcePlace): ScalarNode {
  return { kind: 'scalar', value, place };
}

export function list(items: readonly TreeNode[], place: SourcePlace): ListNode {
  return { kind: 'list', items, place };
}

export function map(entries: Iterable<readonly [string, MapEntry]>, place: SourcePlace): MapNode {
  return { kind: 'map', entries: new Map(entries), place };
}

export function entry(value: TreeNode, place: SourcePlace = value.place): MapEntry {
  return { place, value };
}

/** The value of a key, `undefined` where it is missing or the node is no mapping. */
export function get(node: TreeNode | undefined, key: string): TreeNode | undefined {
  return node?.kind === 'map' ? node.entries.get(key)?.value : undefined;
}

export function isNull(node: TreeNode | undefined): boolean {
  return node?.kind === 'scalar' && node.value === null;
}

/** `a list`, `"text"`, `12`: what is there instead of what was expected. */
export function describe(node: TreeNode): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a mapping';
  return node.value === null ? 'nothing' : JSON.stringify(node.value).slice(0, 80);
}

/** Rebuilds a tree with other scalars; structure, places and tags stay. */
export function mapScalars(node: TreeNode, change: (node: ScalarNode) => TreeNode): TreeNode {
  switch (node.kind) {
    case 'scalar':
      return change(node);
    case 'list':
      return { ...node, items: node.items.map((item) => mapScalars(item, change)) };
    case 'map': {
      const entries = [...node.entries].map(
        ([key, { place, value }]) => [key, { place, value: mapScalars(value, change) }] as const,
      );
      return { ...node, entries: new Map(entries) };
    }
  }
}

/** Whether two nodes say the same, wherever they say it. */
export function sameTree(a: TreeNode, b: TreeNode): boolean {
  if (a.kind === 'scalar' || b.kind === 'scalar') {
    return a.kind === 'scalar' && b.kind === 'scalar' && a.value === b.value;
  }
  if (a.kind === 'list' || b.kind === 'list') {
    if (a.kind !== 'list' || b.kind !== 'list' || a.items.length !== b.items.length) return false;
    return a.items.every((item, index) => {
      const other = b.items[index];
      return other !== undefined && sameTree(item, other);
    });
  }
  if (a.entries.size !== b.entries.size) return false;
  return [...a.entries].every(([key, { value }]) => {
    const other = b.entries.get(key);
    return other !== undefined && sameTree(value, other.value);
  });
}
