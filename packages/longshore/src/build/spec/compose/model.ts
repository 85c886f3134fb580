import path from 'node:path';
import type { SourcePlace } from '../../target.ts';
import { readItems, readText, readTexts } from '../scalars.ts';
import { get, type MapNode, map, type TreeNode } from '../tree.ts';
import { type Environment, withDotEnv } from './environment.ts';
import { resolveExtends } from './extends.ts';
import { type ComposeContext, loadComposeFile } from './loadFile.ts';
import { mergeMaps, withoutTags } from './mergeCompose.ts';

export interface ModelOptions {
  /** Absolute; each overrides those before it. */
  readonly files: readonly string[];
  /** What their paths count from. */
  readonly folder: string;
  readonly environment: Environment;
  readonly context: ComposeContext;
  /** Where the files are asked for. */
  readonly asked: SourcePlace;
  /** The files whose `include` leads here. */
  readonly including?: readonly string[] | undefined;
}

/** Reads files of a compose project and makes one of them: extended, merged, included. */
export async function loadModel(options: ModelOptions): Promise<MapNode> {
  const { files, folder, environment, context, asked } = options;
  let model: MapNode | undefined;
  for (const file of files) {
    const loaded = await loadComposeFile(file, { base: folder, environment, asked, context });
    if (loaded === undefined) continue;
    const extended = await resolveExtends(loaded, { file, folder, environment, context });
    model =
      model === undefined
        ? asMap(withoutTags(extended))
        : mergeMaps(model, extended, [], context.report);
  }
  const merged = model ?? map([], asked);
  return await includeOthers(merged, options);
}

function asMap(node: TreeNode): MapNode {
  return node.kind === 'map' ? node : map([], node.place);
}

/** What is included stands below the project's own: the same name in both is overridden. */
async function includeOthers(model: MapNode, options: ModelOptions): Promise<MapNode> {
  const { report } = options.context;
  const entries = new Map(model.entries);
  for (const item of readItems(get(model, 'include'), report)) {
    const included = await includeOne(item, options);
    for (const key of ['services', 'secrets']) {
      const theirs = get(included, key);
      if (theirs?.kind !== 'map') continue;
      const ours = entries.get(key)?.value;
      const value = ours?.kind === 'map' ? mergeMaps(theirs, ours, [key], report) : theirs;
      entries.set(key, { place: value.place, value });
    }
  }
  return { ...model, entries };
}

async function includeOne(item: TreeNode, options: ModelOptions): Promise<MapNode | undefined> {
  const { folder, environment, context, including = [] } = options;
  const { report } = context;
  const paths = readTexts(item.kind === 'map' ? get(item, 'path') : item, report);
  const [first] = paths;
  if (first === undefined) {
    report(item.place, 'an include needs a path');
    return undefined;
  }
  const files = paths.map((one) => path.resolve(folder, one));
  const chain = [...including, ...options.files];
  const again = files.find((file) => chain.includes(file));
  if (again !== undefined) {
    report(item.place, `files include each other: ${[...chain, again].join(' -> ')}`);
    return undefined;
  }
  const given = readText(get(item, 'project_directory'), report);
  const directory =
    given === undefined ? path.dirname(path.resolve(folder, first)) : path.resolve(folder, given);
  const envNode = get(item, 'env_file');
  const envFiles =
    envNode === undefined
      ? undefined
      : readTexts(envNode, report).filter((file) => file !== '/dev/null');
  return await loadModel({
    files,
    folder: directory,
    environment: await withDotEnv(environment, {
      folder: directory,
      files: envFiles?.map((file) => path.resolve(folder, file)),
      report,
    }),
    context,
    asked: item.place,
    including: chain,
  });
}
