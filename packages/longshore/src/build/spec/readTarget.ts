import path from 'node:path';
import { isLongshoreError } from '../../errors.ts';
import { formatPlatform, type Platform, parsePlatform } from '../../image/index.ts';
import { didYouMean } from '../../suggest.ts';
import type { BuildTarget, NamedContext } from '../target.ts';
import { readAttestations, readCacheEntries, readSecrets, readSsh } from './buildOptions.ts';
import { parseByteSize } from './byteSize.ts';
import { type PathBase, readContext, readNamedContext } from './contexts.ts';
import type { PlacedTarget, TargetDraft } from './draft.ts';
import { readOutputTags } from './outputs.ts';
import { readBoolean, readItems, readText, readTextMap, readTexts } from './scalars.ts';
import { get, type MapNode, type Report, type TreeNode } from './tree.ts';

/** Every key of a bake target. `undefined` means that it is read, a text says why it is not. */
const KEYS: ReadonlyMap<string, string | undefined> = new Map([
  ...[
    'annotations args attest cache-from cache-to context contexts description dockerfile',
    'dockerfile-inline entitlements extra-hosts inherits labels matrix name network no-cache',
    'no-cache-filter output platforms pull secret shm-size ssh tags target ulimits',
  ]
    .join(' ')
    .split(' ')
    .map((key) => [key, undefined] as const),
  ['call', 'targets are built here; ask buildx for other calls'],
  ['policy', 'no builder here judges sources by a policy'],
  ['resources', 'no builder here limits the resources of one target'],
]);

export const TARGET_KEYS: readonly string[] = [...KEYS.keys()];

export interface ReadTargetOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly report: Report;
}

/** Makes a target of its draft; whatever it says that is wrong or not known here is reported. */
export function readTarget(draft: TargetDraft, options: ReadTargetOptions): PlacedTarget {
  const { body, name } = draft;
  const { report, cwd, environment } = options;
  checkKeys(body, report);
  const bases: PathBase = { base: draft.base, cwd, report };
  const secretOptions = { base: draft.base, environment, report };
  const contextNode = get(body, 'context');
  const context = readContext(
    readText(contextNode, report) ?? '.',
    contextNode ?? { place: draft.place },
    bases,
  );
  const target: BuildTarget = {
    name,
    place: draft.place,
    context,
    dockerfile: readDockerfile(body, context, report, cwd),
    stage: nonEmpty(readText(get(body, 'target'), report)),
    tags: unique([
      ...readTexts(get(body, 'tags'), report),
      ...readOutputTags(get(body, 'output'), report),
    ]),
    platforms: readPlatforms(get(body, 'platforms'), report),
    args: readTextMap(get(body, 'args'), report),
    labels: readTextMap(get(body, 'labels'), report),
    annotations: unique(readTexts(get(body, 'annotations'), report)),
    contexts: readContexts(get(body, 'contexts'), bases),
    secrets: readSecrets(get(body, 'secret'), secretOptions),
    ssh: readSsh(get(body, 'ssh'), secretOptions),
    cacheFrom: readCacheEntries(get(body, 'cache-from'), report),
    cacheTo: readCacheEntries(get(body, 'cache-to'), report),
    noCache: readBoolean(get(body, 'no-cache'), report) ?? false,
    noCacheFilter: unique(readTexts(get(body, 'no-cache-filter'), report)),
    pull: readBoolean(get(body, 'pull'), report) ?? false,
    network: nonEmpty(readText(get(body, 'network'), report)),
    shmBytes: readShmBytes(get(body, 'shm-size'), report),
    ulimits: readUlimits(get(body, 'ulimits'), report),
    extraHosts: readHosts(get(body, 'extra-hosts'), report),
    entitlements: readEntitlements(body, report),
    attestations: readAttestations(get(body, 'attest'), report),
  };
  return { target, placeOf: (key) => placeOf(body, key) ?? draft.place };
}

function checkKeys(body: MapNode, report: Report): void {
  for (const [key, { place }] of body.entries) {
    const reason = KEYS.get(key);
    if (reason !== undefined) report(place, `${key} is not supported: ${reason}`);
    else if (!KEYS.has(key)) {
      report(place, `a target has no ${key}${didYouMean(key, KEYS.keys())}`);
    }
  }
}

function readDockerfile(
  body: MapNode,
  context: BuildTarget['context'],
  report: Report,
  cwd: string,
): BuildTarget['dockerfile'] {
  const inline = readText(get(body, 'dockerfile-inline'), report);
  const node = get(body, 'dockerfile');
  // Bake gives every target the name "Dockerfile", also those with an inline one.
  const file = nonEmpty(readText(node, report)) ?? 'Dockerfile';
  if (inline !== undefined) return { kind: 'inline', text: inline };
  if (/^https?:\/\//.test(file) && node !== undefined) {
    report(node.place, 'a Dockerfile is a file of the context or of this machine, not an address');
  }
  if (file.startsWith('cwd://')) {
    return { kind: 'file', path: path.resolve(cwd, file.slice('cwd://'.length)) };
  }
  const inContext = context.kind === 'folder' ? path.resolve(context.path, file) : file;
  return { kind: 'file', path: inContext };
}

function readPlatforms(node: TreeNode | undefined, report: Report): readonly Platform[] {
  const found = new Map<string, Platform>();
  for (const item of readItems(node, report)) {
    const text = readText(item, report) ?? '';
    // "local" is bake's word for the builder's own.
    if (text === '' || text === 'local') continue;
    try {
      const platform = parsePlatform(text);
      found.set(formatPlatform(platform), platform);
    } catch (error) {
      if (!isLongshoreError(error)) throw error;
      report(item.place, `${error.message}; ${error.hint ?? ''}`);
    }
  }
  return [...found.values()];
}

function readContexts(
  node: TreeNode | undefined,
  bases: PathBase,
): Readonly<Record<string, NamedContext>> {
  const texts = Object.entries(readTextMap(node, bases.report));
  const named = texts
    .filter(([, text]) => text !== '')
    .map(([name, text]) => [name, readNamedContext(text, bases)] as const);
  return Object.fromEntries(named);
}

function readShmBytes(node: TreeNode | undefined, report: Report): number | undefined {
  const text = nonEmpty(readText(node, report));
  if (text === undefined || node === undefined) return undefined;
  const bytes = parseByteSize(text);
  if (bytes === undefined) report(node.place, `expected a size such as 128m, not ${text}`);
  return bytes === 0 ? undefined : bytes;
}

function readUlimits(node: TreeNode | undefined, report: Report): readonly string[] {
  const found = unique(readTexts(node, report));
  const wrong = found.find((text) => !/^[a-z]+=-?\d+(?::-?\d+)?$/.test(text));
  if (wrong !== undefined && node !== undefined) {
    report(node.place, `expected a limit such as nofile=1024:2048, not ${wrong}`);
  }
  return found;
}

function readHosts(
  node: TreeNode | undefined,
  report: Report,
): Readonly<Record<string, readonly string[]>> {
  const pairs = Object.entries(readTextMap(node, report));
  return Object.fromEntries(pairs.map(([host, addresses]) => [host, addresses.split(',')]));
}

function readEntitlements(body: MapNode, report: Report): readonly string[] {
  const asked = readTexts(get(body, 'entitlements'), report);
  // Bake asks for what the network of the host needs by itself.
  const host = readText(get(body, 'network'), report) === 'host' ? ['network.host'] : [];
  return unique([...asked, ...host]);
}

function placeOf(body: MapNode, key: string): TreeNode['place'] | undefined {
  const [name = '', sub] = key.split(/\.(.*)/s);
  const found = body.entries.get(name);
  if (found === undefined || sub === undefined) return found?.value.place ?? found?.place;
  const { value } = found;
  if (value.kind === 'list') return value.items[Number(sub)]?.place ?? value.place;
  return get(value, sub)?.place ?? value.place;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
