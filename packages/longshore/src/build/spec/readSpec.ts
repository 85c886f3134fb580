import path from 'node:path';
import { formatPlace } from '../problems.ts';
import { readBakeJson } from './bake/readBakeJson.ts';
import { readByBuildx } from './bake/readByBuildx.ts';
import { readCompose } from './compose/readCompose.ts';
import type { GroupDraft, TargetDraft } from './draft.ts';
import type { SpecFiles } from './findFiles.ts';
import { draftDockerfile, readFolder } from './folder.ts';
import { resolveInheritance } from './inherit.ts';
import { mergeDrafts } from './mergeTargets.ts';
import type { ReadBuildGraphOptions } from './options.ts';
import { applyOverrides, readOverrides, reportUnused } from './overrides.ts';
import type { Report } from './tree.ts';

/** All that the files describe, inherited and overridden, and what of it is asked for. */
export interface Spec {
  readonly targets: readonly TargetDraft[];
  readonly groups: readonly GroupDraft[];
  /** Names and patterns. */
  readonly wanted: readonly string[];
  readonly warnings: readonly string[];
}

/** Reads all files of a build and makes one specification of them. */
export async function readSpec(
  files: SpecFiles,
  options: ReadBuildGraphOptions,
  report: Report,
): Promise<Spec> {
  const folders = await readFolders(files);
  const bake = await readBakeJson(files.bake, options, report);
  if (bake === 'needs buildx') {
    // buildx knows nothing of folders; their names would be mistakes to it.
    const own = new Set(folders.map(({ name }) => name));
    const targets = options.targets.filter((name) => !own.has(name));
    const printed = await readByBuildx(files, { ...options, targets }, report);
    return withFolders(printed, folders, { wanted: options.targets, report });
  }
  const compose = await readCompose({
    files: files.compose,
    cwd: options.workingDirectory,
    environment: options.environment,
    profiles: options.profiles ?? [],
    report,
  });
  const place = { file: files.compose[0] ?? options.workingDirectory };
  const active = compose.active.map((name) => ({ name, place }));
  const spec: Spec = {
    targets: mergeDrafts([...compose.targets, ...bake.targets]),
    groups: withDefault(bake.groups, active, place),
    wanted: options.targets,
    warnings: compose.warnings,
  };
  return overridden(
    withFolders(spec, folders, { wanted: options.targets, report }),
    options,
    report,
  );
}

async function readFolders(files: SpecFiles): Promise<TargetDraft[]> {
  const drafts = files.dockerfiles.map(draftDockerfile);
  for (const folder of files.folders) drafts.push(...(await readFolder(folder)));
  return drafts;
}

function overridden(spec: Spec, options: ReadBuildGraphOptions, report: Report): Spec {
  const { environment, overrides: texts = [] } = options;
  const overrides = readOverrides(texts, { environment, report });
  const override = (name: string, body: TargetDraft['body']): TargetDraft['body'] =>
    applyOverrides(name, body, overrides);
  const targets = resolveInheritance(spec.targets, { override, report });
  const names = targets.map(({ name }) => name);
  reportUnused(overrides, names, report);
  return { ...spec, targets };
}

/** Adds the targets of folders to those of files; all of them are meant where none is named. */
function withFolders(
  spec: Spec,
  folders: readonly TargetDraft[],
  options: { readonly wanted: readonly string[]; readonly report: Report },
): Spec {
  const known = new Map(spec.targets.map((target) => [target.name, target]));
  for (const target of folders) {
    const other = known.get(target.name);
    if (other !== undefined) {
      options.report(
        target.place,
        `another target is called ${target.name}: ${formatPlace(other.place)}`,
      );
    }
    known.set(target.name, target);
  }
  const own = new Set(folders.map(({ name }) => name));
  const wanted = [...spec.wanted, ...options.wanted.filter((name) => own.has(name))];
  const members = folders.map(({ name, place }) => ({ name, place }));
  const place = { file: path.dirname(folders[0]?.place.file ?? '') };
  const groups =
    options.wanted.length === 0 ? withDefault(spec.groups, members, place) : spec.groups;
  return { ...spec, targets: [...known.values()], groups, wanted: [...new Set(wanted)] };
}

/** What is meant where nothing is named: the group of that name, and others with it. */
function withDefault(
  groups: readonly GroupDraft[],
  members: GroupDraft['members'],
  place: GroupDraft['place'],
): readonly GroupDraft[] {
  if (members.length === 0) return groups;
  const others = groups.filter(({ name }) => name !== 'default');
  const own = groups.find(({ name }) => name === 'default');
  const all = [...members, ...(own?.members ?? [])];
  return [...others, { name: 'default', place: own?.place ?? place, members: all }];
}
