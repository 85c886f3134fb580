import type { TargetDraft } from './draft.ts';
import { isNull, list, type MapEntry, type MapNode, type TreeNode } from './tree.ts';

const MAPS = new Set(['args', 'labels', 'contexts', 'extra-hosts']);
const APPENDED = new Set(
  'annotations attest secret ssh cache-from no-cache-filter ulimits entitlements'.split(' '),
);

/**
 * What bake makes of two bodies of a target: mappings are joined, some lists appended, all else
 * taken from the later one where it says anything.
 */
export function mergeBodies(base: MapNode, over: MapNode): MapNode {
  const entries = new Map(base.entries);
  for (const [key, later] of over.entries) {
    if (isNull(later.value)) continue;
    const earlier = entries.get(key);
    entries.set(
      key,
      earlier === undefined ? withoutNulls(key, later) : mergeKey(key, earlier, later),
    );
  }
  return { ...over, entries };
}

/** Targets of the same name become one, at the first one's position. */
export function mergeDrafts(drafts: readonly TargetDraft[]): TargetDraft[] {
  const byName = new Map<string, TargetDraft>();
  for (const draft of drafts) {
    const earlier = byName.get(draft.name);
    byName.set(
      draft.name,
      earlier === undefined ? draft : { ...earlier, body: mergeBodies(earlier.body, draft.body) },
    );
  }
  return [...byName.values()];
}

function mergeKey(key: string, earlier: MapEntry, later: MapEntry): MapEntry {
  const { place } = later;
  if (MAPS.has(key) && earlier.value.kind === 'map' && later.value.kind === 'map') {
    const kept = [...later.value.entries].filter(([, { value }]) => !isNull(value));
    return {
      place,
      value: { ...later.value, entries: new Map([...earlier.value.entries, ...kept]) },
    };
  }
  if (!APPENDED.has(key)) return later;
  return { place, value: list([...itemsOf(earlier.value), ...itemsOf(later.value)], place) };
}

/** An argument that is null is not set; bake says nothing of it. */
function withoutNulls(key: string, one: MapEntry): MapEntry {
  if (!MAPS.has(key) || one.value.kind !== 'map') return one;
  const kept = [...one.value.entries].filter(([, { value }]) => !isNull(value));
  return { ...one, value: { ...one.value, entries: new Map(kept) } };
}

function itemsOf(node: TreeNode): readonly TreeNode[] {
  return node.kind === 'list' ? node.items : [node];
}
