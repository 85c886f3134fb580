import {
  entry,
  isNull,
  type MapEntry,
  type MapNode,
  map,
  type Report,
  sameTree,
  scalar,
  type TreeNode,
} from '../tree.ts';

const ANY = String.raw`[^\0]+`;
const at = (...parts: string[]): RegExp => new RegExp(`^services\0${ANY}\0${parts.join('\0')}$`);

/** Lists of KEY=VALUE that are mappings too. */
const KEY_VALUE = [
  at('build', '(?:args|labels|additional_contexts)'),
  at('(?:environment|labels|annotations|sysctls)'),
];
const BUILD = at('build');
/** The later one counts as a whole. */
const REPLACED = [at('(?:command|entrypoint)'), at('healthcheck', 'test')];
/** A mapping, or a list of what would be its keys. */
const NAMED = at('(?:networks|depends_on|models)');
/** A text is a list of one, a mapping a list of its pairs. */
const SEQUENCES = [
  at('build', 'extra_hosts'),
  at('(?:dns|dns_opt|dns_search|env_file|extra_hosts|label_file|tmpfs)'),
];

/**
 * What compose makes of a value and a later file's value for the same place: mappings joined, lists
 * appended without repetition, all else replaced; `!reset` and `!override` as they say.
 * @param path - the keys that lead there
 */
function mergeCompose(
  base: TreeNode,
  over: TreeNode,
  path: readonly string[],
  report: Report,
): TreeNode {
  if (over.tag === 'override') return withoutTags(over);
  const key = path.join('\0');
  if (REPLACED.some((pattern) => pattern.test(key))) return over;
  if (isNull(over)) return base;
  if (isNull(base)) return over;
  const before = canonical(base, key);
  const after = canonical(over, key);
  if (before.kind === 'map' && after.kind === 'map') return mergeMaps(before, after, path, report);
  if (before.kind === 'list' && after.kind === 'list') {
    const added = after.items.filter((item) => !before.items.some((one) => sameTree(one, item)));
    return { ...after, items: [...before.items, ...added] };
  }
  if (before.kind === 'scalar' || isUlimit(path)) return after;
  report(
    over.place,
    `${path.at(-1)} is a ${before.kind} in an earlier file and cannot become another thing`,
  );
  return before;
}

export function mergeMaps(
  base: MapNode,
  over: MapNode,
  path: readonly string[],
  report: Report,
): MapNode {
  const entries = new Map(base.entries);
  for (const [key, later] of over.entries) {
    const earlier = entries.get(key);
    if (later.value.tag === 'reset') entries.delete(key);
    else if (earlier === undefined) entries.set(key, { ...later, value: withoutTags(later.value) });
    else {
      const value = mergeCompose(earlier.value, later.value, [...path, key], report);
      entries.set(key, { place: later.place, value });
    }
  }
  return { ...over, entries };
}

/** What is tagged within a first file has nothing to reset or override: it is gone, or as it is. */
export function withoutTags(node: TreeNode): TreeNode {
  if (node.kind === 'scalar') return withoutTag(node);
  if (node.kind === 'list') {
    const items = node.items.filter(({ tag }) => tag !== 'reset').map(withoutTags);
    return withoutTag({ ...node, items });
  }
  const kept = [...node.entries].filter(([, { value }]) => value.tag !== 'reset');
  const entries = kept.map(
    ([key, { place, value }]) => [key, { place, value: withoutTags(value) }] as const,
  );
  return withoutTag({ ...node, entries: new Map(entries) });
}

function withoutTag<T extends TreeNode>(node: T): T {
  return node.tag === undefined ? node : { ...node, tag: undefined };
}

function isUlimit(path: readonly string[]): boolean {
  return path.at(-2) === 'ulimits';
}

/** One form for values that may be written in several. */
function canonical(node: TreeNode, key: string): TreeNode {
  if (BUILD.test(key) && node.kind === 'scalar') {
    return map([['context', entry(node)]], node.place);
  }
  if (KEY_VALUE.some((pattern) => pattern.test(key))) return toMap(node);
  if (NAMED.test(key) && node.kind === 'list') {
    const names = node.items.map((item): [string, MapEntry] => [
      item.kind === 'scalar' ? String(item.value) : '',
      entry(scalar(null, item.place)),
    ]);
    return map(names, node.place);
  }
  if (!SEQUENCES.some((pattern) => pattern.test(key))) return node;
  return toSequence(node);
}

/** `[A=1, B]` as `{A: 1, B: null}`; a mapping stays one. */
export function toMap(node: TreeNode): TreeNode {
  if (node.kind !== 'list') return node;
  const pairs = node.items.flatMap((item): [string, MapEntry][] => {
    if (item.kind !== 'scalar' || item.value === null) return [];
    const text = String(item.value);
    const equals = text.indexOf('=');
    const value = equals < 0 ? null : text.slice(equals + 1);
    return [[equals < 0 ? text : text.slice(0, equals), entry(scalar(value, item.place))]];
  });
  return map(pairs, node.place);
}

function toSequence(node: TreeNode): TreeNode {
  if (node.kind === 'list') return node;
  if (node.kind === 'scalar') return { kind: 'list', items: [node], place: node.place };
  const items = [...node.entries].flatMap(([key, { value }]) =>
    (value.kind === 'list' ? value.items : [value]).map((one) =>
      scalar(one.kind === 'scalar' ? `${key}=${one.value}` : key, one.place),
    ),
  );
  return { kind: 'list', items, place: node.place };
}
