import path from 'node:path';
import type { BuildTarget, CacheEntry } from '../../../../src/build/index.ts';
import { formatPlatform } from '../../../../src/image/index.ts';

/** What is compared of a target: bake's keys, without those that say nothing. */
export type BakeForm = Readonly<Record<string, unknown>>;

/** A target of ours as `buildx bake --print` would show it, paths absolute. */
export function bakeFormOf(target: BuildTarget): BakeForm {
  const { context, dockerfile } = target;
  return withoutEmpty({
    context: context.kind === 'folder' ? context.path : context.url,
    dockerfile: dockerfile.kind === 'file' ? dockerfile.path : undefined,
    'dockerfile-inline': dockerfile.kind === 'inline' ? dockerfile.text : undefined,
    target: target.stage,
    args: sortedKeys(target.args),
    labels: sortedKeys(target.labels),
    annotations: target.annotations,
    tags: target.tags,
    platforms: target.platforms.map(formatPlatform),
    contexts: sortedKeys(
      Object.fromEntries(
        Object.entries(target.contexts).map(([name, one]) => {
          if (one.kind === 'target') return [name, `target:${one.target}`];
          if (one.kind === 'image') return [name, `docker-image://${one.reference}`];
          return [name, one.kind === 'url' ? one.url : one.path];
        }),
      ),
    ),
    secret: sorted(
      target.secrets.map(({ id, from }) =>
        withoutEmpty(from.kind === 'file' ? { id, src: from.path } : { id, env: from.variable }),
      ),
    ),
    ssh: sorted(target.ssh.map(({ id, paths }) => withoutEmpty({ id, paths }))),
    'cache-from': sortedEntries(target.cacheFrom),
    'cache-to': sortedEntries(target.cacheTo),
    attest: sortedEntries(target.attestations),
    'no-cache': target.noCache ? true : undefined,
    'no-cache-filter': target.noCacheFilter,
    pull: target.pull ? true : undefined,
    network: target.network,
    'shm-size': target.shmBytes,
    ulimits: sorted(target.ulimits.map(limit)),
    'extra-hosts': sortedKeys(
      Object.fromEntries(
        Object.entries(target.extraHosts).map(([host, addresses]) => [host, addresses.join(',')]),
      ),
    ),
    entitlements: target.entitlements,
  });
}

/** What buildx printed of targets, in the same form. */
export function bakeFormOfPrint(
  printed: { readonly target: Readonly<Record<string, Readonly<Record<string, unknown>>>> },
  cwd: string,
): readonly (readonly [string, BakeForm])[] {
  const text = JSON.stringify(printed.target).replaceAll('{cwd}', cwd);
  const targets = JSON.parse(text) as typeof printed.target;
  return Object.entries(targets).map(([name, target]) => [name, formOf(target, cwd)] as const);
}

/** By name, without some keys. */
export function without(
  forms: readonly (readonly [string, BakeForm])[],
  keys: readonly string[] = [],
): Readonly<Record<string, BakeForm>> {
  const kept = forms.map(([name, form]) => {
    const entries = Object.entries(form).filter(([key]) => !keys.includes(key));
    return [name, Object.fromEntries(entries)] as const;
  });
  return Object.fromEntries(kept);
}

/** Outputs are left out: ours is the store. */
function formOf(printed: Readonly<Record<string, unknown>>, cwd: string): BakeForm {
  const { output: _output, description: _description, ...rest } = printed;
  const context = absolute(String(rest['context']), cwd);
  const local = path.isAbsolute(context);
  const inline = rest['dockerfile-inline'];
  const file = String(rest['dockerfile']);
  const record = (key: string): Record<string, unknown> => ({ ...Object(rest[key]) });
  const items = (key: string): unknown[] => Array.from((rest[key] as unknown[] | undefined) ?? []);
  return withoutEmpty({
    ...rest,
    context,
    dockerfile: inline === undefined ? (local ? path.resolve(context, file) : file) : undefined,
    'dockerfile-inline': inline === undefined ? undefined : unescape(inline),
    args: sortedKeys(mapValues(record('args'), unescape)),
    labels: sortedKeys(mapValues(record('labels'), unescape)),
    contexts: sortedKeys(mapValues(record('contexts'), (value) => absolute(String(value), cwd))),
    secret: sorted(
      items('secret').map((item) => {
        const { src, ...others } = Object(item) as Record<string, string>;
        return withoutEmpty(
          Object.assign(others, { src: src === undefined ? src : path.resolve(cwd, src) }),
        );
      }),
    ),
    ssh: sorted(
      items('ssh').map((item) => {
        const { paths = [], ...others } = Object(item) as { paths?: readonly string[] };
        return withoutEmpty({ ...others, paths: paths.map((one) => path.resolve(cwd, one)) });
      }),
    ),
    'cache-from': sortedEntries(items('cache-from') as CacheEntry[]),
    'cache-to': sortedEntries(items('cache-to') as CacheEntry[]),
    attest: sortedEntries(items('attest') as CacheEntry[]),
    'extra-hosts': sortedKeys(mapValues(record('extra-hosts'), unescape)),
    'shm-size': typeof rest['shm-size'] === 'string' ? bytes(rest['shm-size']) : undefined,
    ulimits: sorted(items('ulimits').map((item) => limit(String(item)))),
  });
}

const MULTIPLES: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

function bytes(text: string): number {
  const match = /^([\d.]+)\s*([KMG]?)(?:iB|B)?$/i.exec(text);
  return Number(match?.[1]) * (MULTIPLES[(match?.[2] ?? '').toUpperCase()] ?? Number.NaN);
}

/** One number is both limits. */
function limit(text: string): string {
  return text.replace(/^(\w+)=(-?\d+)$/, '$1=$2:$2');
}

function absolute(text: string, cwd: string): string {
  return /^[a-z-]+:|^git@/.test(text) ? text : path.resolve(cwd, text);
}

function unescape(value: unknown): string {
  return String(value).replaceAll('$${', '${').replaceAll('%%{', '%{');
}

function sortedEntries(found: readonly CacheEntry[]): readonly CacheEntry[] {
  return sorted(found.map((one) => sortedKeys(mapValues(one, String))));
}

function sortedKeys<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function mapValues<T>(
  record: Readonly<Record<string, unknown>>,
  change: (value: unknown) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function sorted<T>(items: readonly T[]): T[] {
  const text = (item: T): string => JSON.stringify(item);
  return [...items].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

function withoutEmpty(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept = Object.entries(record).filter(([, value]) => {
    if (value === undefined || value === null) return false;
    return typeof value !== 'object' || Object.keys(value).length > 0;
  });
  return sortedKeys(Object.fromEntries(kept));
}
