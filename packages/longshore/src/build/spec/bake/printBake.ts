import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { LongshoreError } from '../../../errors.ts';
import type { SourcePlace } from '../../target.ts';
import type { GroupDraft, TargetDraft } from '../draft.ts';
import { readJsonTree } from '../jsonTree.ts';
import { readItems, readText } from '../scalars.ts';
import {
  get,
  type MapEntry,
  type MapNode,
  mapScalars,
  type Report,
  scalar,
  type TreeNode,
} from '../tree.ts';
import type { RunBake } from './runBake.ts';

export interface PrintBakeOptions {
  /** As they were given: bake counts contexts from where it runs. */
  readonly files: readonly string[];
  readonly targets: readonly string[];
  readonly overrides: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  readonly runBake: RunBake;
  readonly report: Report;
}

/**
 * Has buildx read bake files: HCL, and all that only buildx can work out.
 * @returns targets that are complete, and the group `default` of those that were asked for;
 *   `undefined` where there is no buildx
 */
export async function printBake(
  options: PrintBakeOptions,
): Promise<
  { readonly targets: readonly TargetDraft[]; readonly groups: readonly GroupDraft[] } | undefined
> {
  const { files, targets, overrides, cwd, environment, signal, report } = options;
  const args = [
    ...files.flatMap((file) => ['-f', file]),
    ...overrides.flatMap((one) => ['--set', one]),
    '--print',
    ...targets,
  ];
  const result = await options.runBake(args, { cwd, environment, signal });
  if (result === undefined) return undefined;
  if (result.exitCode !== 0) {
    reportFailure(result.stderr, { files, cwd, report });
    return { targets: [], groups: [] };
  }
  const tree = await readJsonTree(result.stdout, 'buildx bake --print', (place, message) => {
    throw new LongshoreError(`${place.file} answered what is ${message}`, {
      code: 'ERR_BUILDX',
      origin: 'builder',
    });
  });
  return readPrinted(tree, await places(files, cwd), cwd);
}

function readPrinted(
  tree: TreeNode | undefined,
  placeOf: (name: string) => SourcePlace,
  cwd: string,
): { readonly targets: TargetDraft[]; readonly groups: GroupDraft[] } {
  const silent: Report = () => undefined;
  const targets = mapEntries(get(tree, 'target')).map(([name, { value }]): TargetDraft => {
    const place = placeOf(name);
    const body = unescaped(placedAt(value, place));
    return { name, place, body, base: cwd };
  });
  const groups = mapEntries(get(tree, 'group')).map(([name, { value }]): GroupDraft => {
    const place = placeOf(name);
    const members = readItems(get(value, 'targets'), silent).map((item) => ({
      name: readText(item, silent) ?? '',
      place,
    }));
    return { name, place, members };
  });
  return { targets, groups };
}

function mapEntries(node: TreeNode | undefined): readonly (readonly [string, MapEntry])[] {
  return node?.kind === 'map' ? [...node.entries] : [];
}

/** What buildx prints has no lines of the file that it comes from: the target's has to do. */
function placedAt(node: TreeNode, place: SourcePlace): MapNode {
  const moved = (one: TreeNode): TreeNode => {
    if (one.kind === 'scalar') return { ...one, place };
    if (one.kind === 'list') return { ...one, place, items: one.items.map(moved) };
    const entries = [...one.entries].map(([key, { value }]): [string, MapEntry] => [
      key,
      { place, value: moved(value) },
    ]);
    return { ...one, place, entries: new Map(entries) };
  };
  const result = moved(node);
  return result.kind === 'map' ? result : { kind: 'map', entries: new Map(), place };
}

const ESCAPED = new Set(['args', 'labels', 'annotations', 'dockerfile-inline', 'extra-hosts']);

/** In these keys buildx prints `${` so that it could be read as a bake file again. */
function unescaped(body: MapNode): MapNode {
  const entries = [...body.entries].map(([key, { place, value }]): [string, MapEntry] => {
    if (!ESCAPED.has(key)) return [key, { place, value }];
    const plain = mapScalars(value, (node) =>
      typeof node.value === 'string'
        ? scalar(node.value.replaceAll('$${', '${').replaceAll('%%{', '%{'), node.place)
        : node,
    );
    return [key, { place, value: plain }];
  });
  return { ...body, entries: new Map(entries) };
}

/** Where a target or group is written, as well as a look at the text can tell. */
async function places(
  files: readonly string[],
  cwd: string,
): Promise<(name: string) => SourcePlace> {
  const found = new Map<string, SourcePlace>();
  for (const file of files) {
    const text = await readFile(path.resolve(cwd, file), 'utf8');
    for (const [index, line] of text.split('\n').entries()) {
      const name = /^\s*(?:target|group)\s+"?([\w-]+)"?\s*\{/.exec(line)?.[1];
      if (name !== undefined && !found.has(name)) {
        found.set(name, { file, line: index + 1, column: 1 });
      }
    }
  }
  return (name) => found.get(name) ?? { file: files.at(-1) ?? 'bake' };
}

/** buildx tells its errors as `FILE:LINE,FROM-TO: message`. */
function reportFailure(
  stderr: string,
  options: { readonly files: readonly string[]; readonly cwd: string; readonly report: Report },
): void {
  const { files, report } = options;
  const last = stderr
    .trim()
    .split('\n')
    .findLast((line) => line.startsWith('ERROR: '));
  const message = (last ?? stderr.trim()).replace(/^ERROR: /, '');
  const placed = /^(.+?):(\d+),(\d+)-\d+(?:,\d+)?: (.*)$/s.exec(message);
  const [, file = '', line, column, rest] = placed ?? [];
  if (rest === undefined) report({ file: files.join(', ') }, `buildx refuses it: ${message}`);
  else report({ file, line: Number(line), column: Number(column) }, `buildx refuses it: ${rest}`);
}
