import path from 'node:path';
import { didYouMean } from '../../../suggest.ts';
import type { SourcePlace } from '../../target.ts';
import { readText } from '../scalars.ts';
import { get, type MapEntry, type MapNode, map, type TreeNode } from '../tree.ts';
import type { Environment } from './environment.ts';
import { type ComposeContext, loadComposeFile } from './loadFile.ts';
import { mergeMaps } from './mergeCompose.ts';
import { withKeys } from './paths.ts';

export interface ExtendsOptions {
  /** The file itself, absolute. */
  readonly file: string;
  /** What a file that is extended is looked for from. */
  readonly folder: string;
  readonly environment: Environment;
  readonly context: ComposeContext;
}

/** Puts into each service of a file what it extends, of the same file or another one. */
export async function resolveExtends(file: MapNode, options: ExtendsOptions): Promise<MapNode> {
  const services = get(file, 'services');
  if (services?.kind !== 'map') return file;
  const entries: [string, MapEntry][] = [];
  for (const [name, { place, value }] of services.entries) {
    const resolved = await resolveService({ name, value, services }, options, []);
    entries.push([name, { place, value: resolved }]);
  }
  return withKeys(file, { services: map(entries, services.place) });
}

interface ServiceOf {
  readonly name: string;
  readonly value: TreeNode;
  /** Of the file that it stands in. */
  readonly services: MapNode;
}

async function resolveService(
  service: ServiceOf,
  options: ExtendsOptions,
  chain: readonly string[],
): Promise<TreeNode> {
  const { name, value } = service;
  const { report } = options.context;
  const wanted = get(value, 'extends');
  if (value.kind !== 'map' || wanted === undefined) return value;
  const own: MapNode = {
    ...value,
    entries: new Map([...value.entries].filter(([key]) => key !== 'extends')),
  };
  const here = `${options.file}: ${name}`;
  if (chain.includes(here)) {
    report(wanted.place, `services extend each other: ${[...chain, here].join(' -> ')}`);
    return own;
  }
  const base = await findBase(wanted, service, options);
  if (base === undefined) return own;
  const resolved = await resolveService(base.service, base.options, [...chain, here]);
  return resolved.kind === 'map' ? mergeMaps(resolved, own, ['services', name], report) : own;
}

async function findBase(
  wanted: TreeNode,
  service: ServiceOf,
  options: ExtendsOptions,
): Promise<{ readonly service: ServiceOf; readonly options: ExtendsOptions } | undefined> {
  const { report } = options.context;
  const ref = wanted.kind === 'map' ? get(wanted, 'service') : wanted;
  const name = readText(ref, report);
  const fileNode = get(wanted, 'file');
  const written = readText(fileNode, report);
  if (name === undefined) {
    report(wanted.place, 'extends needs the name of a service');
    return undefined;
  }
  const other =
    written === undefined || fileNode === undefined
      ? { services: service.services, options }
      : await loadOther(path.resolve(options.folder, written), fileNode.place, options);
  if (other === undefined) return undefined;
  const value = get(other.services, name);
  if (value === undefined) {
    const meant = didYouMean(name, other.services.entries.keys());
    report(
      wanted.place,
      `it extends ${name}, which is no service of ${other.options.file}${meant}`,
    );
    return undefined;
  }
  return { service: { name, value, services: other.services }, options: other.options };
}

async function loadOther(
  file: string,
  asked: SourcePlace,
  options: ExtendsOptions,
): Promise<{ readonly services: MapNode; readonly options: ExtendsOptions } | undefined> {
  const { environment, context } = options;
  const folder = path.dirname(file);
  const loaded = await loadComposeFile(file, { base: folder, environment, asked, context });
  const services = get(loaded, 'services');
  if (loaded !== undefined && services?.kind !== 'map')
    context.report(asked, `${file} has no services`);
  if (services?.kind !== 'map') return undefined;
  return { services, options: { file, folder, environment, context } };
}
