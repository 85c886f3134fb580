import type * as YamlModule from 'yaml';
import type { Document, YAMLMap, Node as YamlNode } from 'yaml';
import type { SourcePlace } from '../target.ts';
import {
  list,
  type MapEntry,
  type MergeTag,
  map,
  type Report,
  scalar,
  type TreeNode,
} from './tree.ts';

type Yaml = typeof YamlModule;

/** Anchors can make a small file huge; compose stops at the same number. */
const MAX_NODES = 100_000;

/**
 * Reads YAML (or JSON, which is YAML too) with the place of every value. Anchors, aliases and merge
 * keys (`<<`) are resolved.
 * @returns `undefined` where the text is empty or was reported to be no YAML
 */
export async function readYamlTree(
  text: string,
  file: string,
  report: Report,
): Promise<TreeNode | undefined> {
  // Loaded here because runs that only pull have no use for it, and it costs 15 ms.
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const placeAt = (offset: number): SourcePlace => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Compose's own tags are none that YAML knows; they are read off the nodes.
    logLevel: 'silent',
  });
  const [error] = document.errors;
  if (error !== undefined) {
    report(placeAt(error.pos[0]), `not valid YAML: ${error.message}`);
    return undefined;
  }
  if (document.contents === null) return undefined;
  const reading: Reading = { yaml, document, placeAt, report, left: { nodes: MAX_NODES } };
  return convert(document.contents, reading, []);
}

interface Reading {
  readonly yaml: Yaml;
  readonly document: Document.Parsed;
  readonly placeAt: (offset: number) => SourcePlace;
  readonly report: Report;
  readonly left: { nodes: number };
}

/** @param open - the anchors being resolved, to find one that holds itself */
function convert(
  node: YamlNode | null | undefined,
  reading: Reading,
  open: readonly YamlNode[],
): TreeNode {
  const { yaml, document, placeAt, report, left } = reading;
  const place = placeAt(node?.range?.[0] ?? 0);
  if (left.nodes-- === 0) report(place, `more than ${MAX_NODES} values`);
  if (left.nodes < 0 || node === null || node === undefined) return scalar(null, place);
  if (yaml.isAlias(node)) {
    const target = node.resolve(document);
    if (target !== undefined && !open.includes(target)) {
      return convert(target, reading, [...open, target]);
    }
    report(
      place,
      `the anchor *${node.source} ${target === undefined ? 'is missing' : 'holds itself'}`,
    );
    return scalar(null, place);
  }
  const tag = mergeTagOf(node.tag);
  const tagged = tag === undefined ? {} : { tag };
  if (yaml.isMap(node)) return { ...convertMap(node, reading, open), ...tagged };
  if (yaml.isSeq(node)) {
    const items = node.items.map((item) => convert(yaml.isNode(item) ? item : null, reading, open));
    return { ...list(items, place), ...tagged };
  }
  return { ...scalar(yaml.isScalar(node) ? plain(node.value) : null, place), ...tagged };
}

function convertMap(node: YAMLMap, reading: Reading, open: readonly YamlNode[]): TreeNode {
  const { yaml, placeAt, report } = reading;
  const entries = new Map<string, MapEntry>();
  const merged: TreeNode[] = [];
  for (const { key, value } of node.items) {
    const place = placeAt((yaml.isNode(key) ? key.range?.[0] : undefined) ?? 0);
    const child = convert(yaml.isNode(value) ? value : null, reading, open);
    // The place of a value that is not there is that of its key.
    const placed = yaml.isNode(value) && value.range !== undefined ? child : { ...child, place };
    if (!yaml.isScalar(key)) report(place, 'a key has to be a text');
    else if (key.value === '<<' && key.type === 'PLAIN') merged.push(placed);
    else entries.set(String(key.value), { place, value: placed });
  }
  for (const source of merged.flatMap((part) => (part.kind === 'list' ? part.items : [part]))) {
    if (source.kind !== 'map') report(source.place, '<< takes a mapping or a list of mappings');
    else for (const [key, value] of source.entries) if (!entries.has(key)) entries.set(key, value);
  }
  return map(entries, placeAt(node.range?.[0] ?? 0));
}

function mergeTagOf(tag: string | undefined): MergeTag | undefined {
  if (tag === '!reset') return 'reset';
  return tag === '!override' ? 'override' : undefined;
}

function plain(value: unknown): string | number | boolean | null {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  return typeof value === 'bigint' ? Number(value) : null;
}
