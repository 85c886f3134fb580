import path from 'node:path';
import { LongshoreError } from '../../errors.ts';
import { BuildInputError, type BuildProblem, formatPlace } from '../problems.ts';
import type { BuildEdge, BuildGraph, SourcePlace } from '../target.ts';
import type { PlacedTarget, TargetDraft } from './draft.ts';
import { canonicalName, type Ingredient } from './edges.ts';
import { findFiles, sortFiles } from './findFiles.ts';
import { findEdges, inspectTarget, linkedEdges } from './graph.ts';
import { nameImage, whyNoTag } from './names.ts';
import type { ReadBuildGraphOptions } from './options.ts';
import { orderTargets } from './order.ts';
import { readSpec, type Spec } from './readSpec.ts';
import { readTarget } from './readTarget.ts';
import { selectTargets } from './select.ts';
import type { Report } from './tree.ts';

/**
 * Reads what is to be built: specifications and Dockerfiles become targets in an order in which
 * they can be built, with the edges between them.
 * @throws BuildInputError `ERR_SPEC_INVALID` with everything that is wrong, each with its place;
 *   LongshoreError `ERR_SPEC_MISSING` where there is nothing to build; `ERR_BUILDX` where buildx
 *   cannot be run
 */
export async function readBuildGraph(options: ReadBuildGraphOptions): Promise<BuildGraph> {
  const { files, workingDirectory, environment } = options;
  const problems: BuildProblem[] = [];
  const report: Report = (place, message) => {
    problems.push({ place: shorten(place, workingDirectory), message });
  };
  const found =
    files.length === 0
      ? await findFiles(workingDirectory, environment)
      : await sortFiles(files, { cwd: workingDirectory, report });
  refuse(problems);
  const spec = await readSpec(found, options, report);
  if (spec.targets.length === 0) {
    refuse(problems);
    throw nothingToBuild(options);
  }
  const selected = selectTargets(spec.wanted, spec, report);
  const graph = await connect(selected, spec, { ...options, report });
  refuse(problems);
  return graph;
}

/** Files below the folder where the reader is are shown as seen from there. */
function shorten(place: SourcePlace, workingDirectory: string): SourcePlace {
  if (!path.isAbsolute(place.file)) return place;
  const file = path.relative(workingDirectory, place.file);
  return file === '' || file.startsWith('..') || path.isAbsolute(file) ? place : { ...place, file };
}

/** Ends with all that is wrong, in the order in which a reader meets it. */
function refuse(problems: readonly BuildProblem[]): void {
  if (problems.length === 0) return;
  const unique = new Map(
    problems.map((problem) => [`${formatPlace(problem.place)} ${problem.message}`, problem]),
  );
  const ordered = [...unique.values()].sort(
    ({ place: a }, { place: b }) =>
      a.file.localeCompare(b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
  throw new BuildInputError('ERR_SPEC_INVALID', ordered);
}

function nothingToBuild({ files, workingDirectory }: ReadBuildGraphOptions): LongshoreError {
  const where = files.length === 0 ? workingDirectory : files.join(', ');
  return new LongshoreError(`There is nothing to build in ${where}`, {
    code: 'ERR_SPEC_MISSING',
    origin: 'input',
    hint: 'Name a bake file, a compose file with build sections, a Dockerfile or a folder of Dockerfiles with -f',
  });
}

type ConnectOptions = ReadBuildGraphOptions & { readonly report: Report };

/** Reads the targets that are asked for and those that they are built from, and connects them. */
async function connect(
  selected: readonly string[],
  spec: Spec,
  options: ConnectOptions,
): Promise<BuildGraph> {
  const { report, signal } = options;
  const drafts = new Map(spec.targets.map((draft) => [draft.name, draft]));
  const owners = tagOwners(spec.targets, options);
  const placed = new Map<string, PlacedTarget>();
  const ingredients = new Map<string, readonly Ingredient[]>();
  const warnings = new Set(spec.warnings);
  const edges: BuildEdge[] = [];
  const open = [...selected];
  for (let name = open.shift(); name !== undefined; name = open.shift()) {
    signal?.throwIfAborted();
    const draft = drafts.get(name);
    if (draft === undefined || placed.has(name)) continue;
    const one = named(readTarget(draft, { ...options, cwd: options.workingDirectory }), options);
    placed.set(name, one);
    const warn = (message: string): void => void warnings.add(message);
    const inspecting = {
      report,
      warn,
      show: (place: SourcePlace) => shorten(place, options.workingDirectory),
    };
    ingredients.set(name, await inspectTarget(one, inspecting));
    reportLinks(one, drafts, report);
    const found = findEdges([one], ingredients, owners);
    for (const warning of found.warnings) warnings.add(warning);
    edges.push(...found.edges.filter(({ to }) => drafts.has(to)));
    open.push(...found.edges.map(({ to }) => to));
  }
  checkTags([...placed.values()], report);
  const linked = [...placed.keys()].filter((name) => !selected.includes(name));
  for (const name of linked) {
    const by = edges.filter(({ to }) => to === name).map(({ from }) => from);
    warnings.add(
      `${name} is built too: ${by.join(', ')} ${by.length === 1 ? 'is' : 'are'} built from it`,
    );
  }
  const order = inOrder(placed, edges, report);
  const targets = order.flatMap((name) => placed.get(name)?.target ?? []);
  return { targets, edges, linked, warnings: [...warnings] };
}

function named({ target, placeOf }: PlacedTarget, options: ConnectOptions): PlacedTarget {
  const place = shorten(target.place, options.workingDirectory);
  return { placeOf, target: { ...target, place, tags: nameImage(target, options) } };
}

/** Who has which tag, before and after renaming: Dockerfiles may know either. */
function tagOwners(
  drafts: readonly TargetDraft[],
  options: ConnectOptions,
): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  const quiet = { ...options, report: () => undefined, cwd: options.workingDirectory };
  for (const draft of drafts) {
    const { target } = readTarget(draft, quiet);
    for (const tag of [...target.tags, ...nameImage(target, options)]) {
      const name = canonicalName(tag);
      if (!owners.has(name)) owners.set(name, draft.name);
    }
  }
  return owners;
}

function reportLinks(
  { target, placeOf }: PlacedTarget,
  drafts: ReadonlyMap<string, TargetDraft>,
  report: Report,
): void {
  for (const { to, reference } of linkedEdges(target)) {
    if (drafts.has(to)) continue;
    report(
      placeOf(`contexts.${reference}`),
      `${target.name} is built from the target ${to}, which there is none of`,
    );
  }
}

function checkTags(targets: readonly PlacedTarget[], report: Report): void {
  const owners = new Map<string, string>();
  for (const { target, placeOf } of targets) {
    for (const [index, tag] of target.tags.entries()) {
      const place = placeOf(`tags.${index}`);
      const reason = whyNoTag(tag);
      if (reason !== undefined) report(place, reason);
      const name = canonicalName(tag);
      const other = owners.get(name);
      if (other !== undefined && other !== target.name) {
        report(place, `the tag ${tag} of ${target.name} is also one of ${other}`);
      }
      owners.set(name, target.name);
    }
  }
}

function inOrder(
  placed: ReadonlyMap<string, PlacedTarget>,
  edges: readonly BuildEdge[],
  report: Report,
): readonly string[] {
  const result = orderTargets([...placed.keys()], edges);
  if ('order' in result) return result.order;
  const [first = ''] = result.cycle;
  const place = placed.get(first)?.target.place ?? { file: first };
  const steps = result.cycle.map((from, index) => {
    const to = result.cycle[(index + 1) % result.cycle.length] ?? first;
    const edge = edges.find((one) => one.from === from && one.to === to);
    return `${from} is built from ${edge?.reference === to ? to : `${to} (${edge?.reference})`}`;
  });
  report(place, `targets are built from each other: ${steps.join(', ')}`);
  return [];
}
