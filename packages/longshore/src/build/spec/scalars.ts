import { describe, isNull, type Report, type TreeNode } from './tree.ts';

/** A text, number or boolean as the text it is written as; nothing and problems are `undefined`. */
export function readText(node: TreeNode | undefined, report: Report): string | undefined {
  if (node === undefined || isNull(node)) return undefined;
  if (node.kind === 'scalar') return String(node.value);
  report(node.place, `expected a text, not ${describe(node)}`);
  return undefined;
}

export function readBoolean(node: TreeNode | undefined, report: Report): boolean | undefined {
  if (node === undefined || isNull(node)) return undefined;
  const text = node.kind === 'scalar' ? String(node.value).toLowerCase() : '';
  if (['true', '1', 't'].includes(text)) return true;
  if (['false', '0', 'f'].includes(text)) return false;
  report(node.place, `expected true or false, not ${describe(node)}`);
  return undefined;
}

/** A list of texts; a single text is a list of one. */
export function readTexts(node: TreeNode | undefined, report: Report): readonly string[] {
  return readItems(node, report).flatMap((item) => readText(item, report) ?? []);
}

/** A list of anything; a single value is a list of one, nothing is none. */
export function readItems(node: TreeNode | undefined, report: Report): readonly TreeNode[] {
  if (node === undefined || isNull(node)) return [];
  if (node.kind === 'list') return node.items.filter((item) => !isNull(item));
  if (node.kind === 'scalar') return [node];
  report(node.place, 'expected a list, not a mapping');
  return [];
}

/** A mapping to texts; keys without a value are left out. */
export function readTextMap(
  node: TreeNode | undefined,
  report: Report,
): Readonly<Record<string, string>> {
  if (node === undefined || isNull(node)) return {};
  if (node.kind !== 'map') {
    report(node.place, `expected a mapping, not ${describe(node)}`);
    return {};
  }
  const pairs = [...node.entries].flatMap(([key, { value }]) => {
    const text = readText(value, report);
    return text === undefined ? [] : [[key, text] as const];
  });
  // Not an assignment by key: `__proto__` is a name like any other.
  return Object.fromEntries(pairs);
}
