import path from 'node:path';
import type { BuildSecret, BuildSsh, CacheEntry } from '../target.ts';
import { splitCsv } from './csvFields.ts';
import { readItems, readText, readTexts } from './scalars.ts';
import type { Report, TreeNode } from './tree.ts';

/**
 * `key=value,key=value` as a text or a mapping of the same keys. A text without `=` gives the value
 * of `bare`.
 */
function readFields(
  node: TreeNode,
  options: { readonly bare: string; readonly report: Report },
): Readonly<Record<string, string>> | undefined {
  const { bare, report } = options;
  if (node.kind === 'map') {
    const pairs = [...node.entries].flatMap(([key, { value }]) => {
      const text = value.kind === 'list' ? undefined : readText(value, report);
      return text === undefined ? [] : [[key, text] as const];
    });
    return Object.fromEntries(pairs);
  }
  const text = readText(node, report);
  if (text === undefined) return undefined;
  const fields = splitCsv(text);
  if (fields === undefined) {
    report(node.place, `a quote has no end in ${JSON.stringify(text)}`);
    return undefined;
  }
  if (!text.includes('=')) return { [bare]: text };
  const pairs = fields.filter((field) => field.trim() !== '').map(splitField);
  return Object.fromEntries(pairs);
}

function splitField(field: string): [string, string] {
  const equals = field.indexOf('=');
  if (equals < 0) return [field.trim().toLowerCase(), 'true'];
  return [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)];
}

/** `type=registry,ref=...`, or only the reference, or a mapping; one or a list of them. */
export function readCacheEntries(node: TreeNode | undefined, report: Report): CacheEntry[] {
  return readItemsOrOne(node, report).flatMap((item) => {
    const fields = readFields(item, { bare: 'ref', report });
    if (fields === undefined) return [];
    if (fields['type'] !== undefined) return [fields];
    if (fields['ref'] !== undefined) return [{ type: 'registry', ...fields }];
    report(item.place, 'a cache needs a type, for example type=registry,ref=NAME');
    return [];
  });
}

/** `type=sbom,...`, `type=provenance,mode=max`: the last of each type counts. */
export function readAttestations(node: TreeNode | undefined, report: Report): CacheEntry[] {
  const byType = new Map<string, CacheEntry>();
  for (const item of readItemsOrOne(node, report)) {
    const fields = readFields(item, { bare: 'type', report });
    if (fields === undefined) continue;
    const { type, disabled, ...rest } = fields;
    if (type !== 'sbom' && type !== 'provenance') {
      report(item.place, `an attestation is of type sbom or provenance, not ${type ?? 'none'}`);
      continue;
    }
    byType.set(type, { type, ...rest, ...(disabled === 'true' ? { disabled } : {}) });
  }
  return [...byType.values()];
}

/** What the place of an image is to be; see `readOutputs`. */
export function readOutputEntries(
  node: TreeNode | undefined,
  report: Report,
): { readonly fields: CacheEntry; readonly node: TreeNode }[] {
  return readItemsOrOne(node, report).flatMap((item) => {
    const fields = readFields(item, { bare: 'dest', report });
    return fields === undefined ? [] : [{ fields, node: item }];
  });
}

const SECRET_KEYS = new Set(['id', 'src', 'source', 'env', 'type']);

export function readSecrets(
  node: TreeNode | undefined,
  options: {
    readonly base: string;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly report: Report;
  },
): BuildSecret[] {
  const { base, environment, report } = options;
  const byId = new Map<string, BuildSecret>();
  for (const item of readItemsOrOne(node, report)) {
    const fields = readFields(item, { bare: 'id', report });
    if (fields === undefined) continue;
    const wrong = Object.keys(fields).find((key) => !SECRET_KEYS.has(key));
    if (wrong !== undefined) report(item.place, `a secret has id, src, env and type, no ${wrong}`);
    const { id, env, type } = fields;
    const source = fields['src'] ?? fields['source'];
    const file = type === 'env' ? undefined : source;
    const given = env ?? (type === 'env' ? (source ?? id) : undefined);
    const name = id ?? (file === undefined ? given : path.basename(file));
    if (name === undefined || name === '') {
      report(item.place, 'a secret needs an id');
      continue;
    }
    // As buildx has it: an id alone is a variable where that is set, else a file.
    const variable =
      given ?? (file === undefined && environment[name] !== undefined ? name : undefined);
    const from: BuildSecret['from'] =
      file === undefined && variable !== undefined
        ? { kind: 'env', variable }
        : { kind: 'file', path: path.resolve(base, expandHome(file ?? name, environment)) };
    byId.set(name, { id: name, from });
  }
  return [...byId.values()];
}

export function readSsh(
  node: TreeNode | undefined,
  options: {
    readonly base: string;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly report: Report;
  },
): BuildSsh[] {
  const { base, environment, report } = options;
  const byId = new Map<string, BuildSsh>();
  for (const item of readItemsOrOne(node, report)) {
    const [id, written] = item.kind === 'map' ? sshOfMap(item, report) : sshOfText(item, report);
    const paths = written.map((one) => path.resolve(base, expandHome(one, environment)));
    if (id !== '') byId.set(id, { id, paths });
  }
  return [...byId.values()];
}

function sshOfMap(node: TreeNode, report: Report): [string, readonly string[]] {
  const entries = node.kind === 'map' ? node.entries : new Map<string, { value: TreeNode }>();
  const id = readText(entries.get('id')?.value, report) ?? 'default';
  return [id, readTexts(entries.get('paths')?.value, report)];
}

function sshOfText(node: TreeNode, report: Report): [string, readonly string[]] {
  const text = readText(node, report) ?? '';
  const equals = text.indexOf('=');
  if (equals < 0) return [text, []];
  return [text.slice(0, equals), text.slice(equals + 1).split(',')];
}

function expandHome(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const home = environment['HOME'];
  return home !== undefined && file.startsWith('~/') ? path.join(home, file.slice(2)) : file;
}

/** A mapping here is one entry, not a mistake for a list. */
function readItemsOrOne(node: TreeNode | undefined, report: Report): readonly TreeNode[] {
  return node?.kind === 'map' ? [node] : readItems(node, report);
}
