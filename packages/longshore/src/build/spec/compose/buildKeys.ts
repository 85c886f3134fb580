import { readBoolean, readItems, readText } from '../scalars.ts';
import {
  describe,
  entry,
  get,
  isNull,
  list,
  type MapEntry,
  type MapNode,
  map,
  type Report,
  scalar,
  type TreeNode,
} from '../tree.ts';
import type { Environment } from './environment.ts';
import { toMap } from './mergeCompose.ts';

/** Compose's keys of `build` that bake has under another name, with the same value. */
const RENAMED: readonly (readonly [string, string])[] = [
  ['context', 'context'],
  ['dockerfile', 'dockerfile'],
  ['dockerfile_inline', 'dockerfile-inline'],
  ['target', 'target'],
  ['platforms', 'platforms'],
  ['cache_from', 'cache-from'],
  ['cache_to', 'cache-to'],
  ['network', 'network'],
  ['shm_size', 'shm-size'],
  ['no_cache', 'no-cache'],
  ['no_cache_filter', 'no-cache-filter'],
  ['pull', 'pull'],
  ['entitlements', 'entitlements'],
];

export interface BuildKeysOptions {
  readonly environment: Environment;
  /** The project's secrets. */
  readonly secrets: TreeNode | undefined;
  readonly report: Report;
}

/** What a service's `build` says, in bake's words. */
export function toBakeKeys(build: MapNode, options: BuildKeysOptions): [string, MapEntry][] {
  const { report, environment } = options;
  checkContradictions(build, report);
  const renamed = RENAMED.flatMap(([from, to]): [string, MapEntry][] => {
    const found = build.entries.get(from);
    return found === undefined || isNull(found.value) ? [] : [[to, found]];
  });
  const mapped = (
    key: string,
    to: string,
    by: (node: TreeNode) => TreeNode,
  ): [string, MapEntry][] => {
    const found = build.entries.get(key);
    if (found === undefined || isNull(found.value)) return [];
    return [[to, { place: found.place, value: by(found.value) }]];
  };
  return [
    ...renamed,
    ...mapped('args', 'args', (node) => fromEnvironment(toMap(node), environment)),
    ...mapped('labels', 'labels', (node) => emptyForNull(toMap(node))),
    ...mapped('additional_contexts', 'contexts', toContexts),
    ...mapped('extra_hosts', 'extra-hosts', (node) => toHosts(node, report)),
    ...mapped('ulimits', 'ulimits', (node) => toUlimits(node, report)),
    ...mapped('ssh', 'ssh', toSsh),
    ...mapped('secrets', 'secret', (node) => toSecrets(node, options)),
    ...toAttest(build, report),
    ...toEntitlements(build, report),
  ];
}

function checkContradictions(build: MapNode, report: Report): void {
  const inline = build.entries.get('dockerfile_inline');
  if (inline !== undefined && build.entries.has('dockerfile')) {
    report(inline.place, 'dockerfile and dockerfile_inline: only one of them can be');
  }
  const isolation = build.entries.get('isolation');
  if (isolation !== undefined && readText(isolation.value, report) !== 'default') {
    report(isolation.place, 'isolation is for Windows, where no builder here works');
  }
}

/** `args: [VERSION]` takes over what the environment has; what it does not have is not set. */
function fromEnvironment(node: TreeNode, environment: Environment): TreeNode {
  return changeValues(node, (value, key) =>
    isNull(value) ? scalar(environment[key] ?? null, value.place) : value,
  );
}

function emptyForNull(node: TreeNode): TreeNode {
  return changeValues(node, (value) => (isNull(value) ? scalar('', value.place) : value));
}

function toContexts(node: TreeNode): TreeNode {
  return changeValues(toMap(node), (value) =>
    value.kind === 'scalar' && typeof value.value === 'string'
      ? scalar(value.value.replace(/^service:/, 'target:'), value.place)
      : value,
  );
}

/** `host:address`, `host=address` or a mapping; a host may have several addresses. */
function toHosts(node: TreeNode, report: Report): TreeNode {
  const hosts = new Map<string, { addresses: string[]; place: TreeNode['place'] }>();
  const add = (host: string, address: string, place: TreeNode['place']): void => {
    const known = hosts.get(host) ?? { addresses: [], place };
    known.addresses.push(address.replace(/^\[(.*)\]$/, '$1'));
    hosts.set(host, known);
  };
  if (node.kind === 'map') {
    for (const [host, { value }] of node.entries) {
      for (const item of readItems(value, report))
        add(host, readText(item, report) ?? '', item.place);
    }
  }
  for (const item of node.kind === 'map' ? [] : readItems(node, report)) {
    const text = readText(item, report) ?? '';
    const match = /^([^:=]+)[:=](.+)$/.exec(text);
    if (match === null) report(item.place, `expected HOST=ADDRESS, not ${text}`);
    else add((match[1] ?? '').trim(), (match[2] ?? '').trim(), item.place);
  }
  const entries = [...hosts].map(([host, { addresses, place }]): [string, MapEntry] => [
    host,
    entry(scalar(addresses.join(','), place)),
  ]);
  return map(entries, node.place);
}

function toUlimits(node: TreeNode, report: Report): TreeNode {
  if (node.kind !== 'map') {
    report(node.place, `ulimits has names with a limit each, not ${describe(node)}`);
    return list([], node.place);
  }
  const items = [...node.entries].flatMap(([name, { value }]) => {
    const soft = readText(value.kind === 'map' ? get(value, 'soft') : value, report);
    const hard = value.kind === 'map' ? readText(get(value, 'hard'), report) : soft;
    if (soft !== undefined && hard !== undefined) {
      return [scalar(`${name}=${soft}:${hard}`, value.place)];
    }
    report(value.place, `the limit ${name} needs a number, or soft and hard`);
    return [];
  });
  return list(items, node.place);
}

/** `[default, id=path]` as it is; `{default: null, id: path}` in that form. */
function toSsh(node: TreeNode): TreeNode {
  if (node.kind !== 'map') return node;
  const items = [...node.entries].map(([id, { value }]) => {
    const text = value.kind === 'scalar' && value.value !== null ? `=${value.value}` : '';
    return scalar(`${id}${text}`, value.place);
  });
  return list(items, node.place);
}

/** `[name]` or `[{source, target}]`, each by where the project says that it is. */
function toSecrets(node: TreeNode, { secrets, report }: BuildKeysOptions): TreeNode {
  const items = readItems(node, report).flatMap((item) => {
    const source = readText(item.kind === 'map' ? get(item, 'source') : item, report);
    if (source === undefined) {
      report(item.place, 'a secret needs its name or a source');
      return [];
    }
    const id = readText(get(item, 'target'), report) ?? source;
    const defined = get(secrets, source);
    const file = get(defined, 'file');
    const variable = get(defined, 'environment');
    const from = file === undefined ? (['env', variable] as const) : (['src', file] as const);
    if (from[1] === undefined) {
      const known =
        defined === undefined ? 'is not defined under secrets' : 'has neither file nor environment';
      report(item.place, `the secret ${source} ${known}: a build can use those only`);
      return [];
    }
    return [
      map(
        [
          ['id', entry(scalar(id, item.place))],
          [from[0], entry(from[1])],
        ],
        item.place,
      ),
    ];
  });
  return list(items, node.place);
}

/** `provenance: true`, `sbom: generator=x`: an attestation with those attributes, or none of the kind. */
function toAttest(build: MapNode, report: Report): [string, MapEntry][] {
  const items = ['sbom', 'provenance'].flatMap((type) => {
    const node = get(build, type);
    const text = readText(node, report);
    if (node === undefined || text === undefined || text === '') return [];
    const rest = /^(?:true|1|t)$/i.test(text) ? '' : `,${text}`;
    const off = /^(?:false|0|f)$/i.test(text) ? ',disabled=true' : rest;
    return [scalar(`type=${type}${off}`, node.place)];
  });
  const [first] = items;
  return first === undefined ? [] : [['attest', entry(list(items, first.place))]];
}

function toEntitlements(build: MapNode, report: Report): [string, MapEntry][] {
  const privileged = build.entries.get('privileged');
  if (privileged === undefined || readBoolean(privileged.value, report) !== true) return [];
  const { place } = privileged;
  const asked = get(build, 'entitlements');
  const others = readItems(asked, report);
  return [['entitlements', entry(list([...others, scalar('security.insecure', place)], place))]];
}

function changeValues(node: TreeNode, by: (value: TreeNode, key: string) => TreeNode): TreeNode {
  if (node.kind !== 'map') return node;
  const entries = [...node.entries].map(([key, { place, value }]): [string, MapEntry] => [
    key,
    { place, value: by(value, key) },
  ]);
  return map(entries, node.place);
}
