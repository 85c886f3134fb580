import path from 'node:path';
import type { TargetDraft } from '../draft.ts';
import { mergeBodies } from '../mergeTargets.ts';
import { readText, readTexts } from '../scalars.ts';
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
import { toBakeKeys } from './buildKeys.ts';
import { type Environment, withDotEnv } from './environment.ts';
import { checkBakeKeys, checkBuildKeys, checkServiceKeys, X_BAKE } from './keys.ts';
import { loadModel } from './model.ts';

export interface ComposeOptions {
  /** Absolute; the first one's folder is the project's. */
  readonly files: readonly string[];
  readonly cwd: string;
  readonly environment: Environment;
  /** Of `--profile`; else those of `COMPOSE_PROFILES`. */
  readonly profiles: readonly string[];
  readonly report: Report;
}

export interface ComposeDraft {
  /** All services with a `build`, whatever their profiles. */
  readonly targets: readonly TargetDraft[];
  /** Those of them that are meant where none is named. */
  readonly active: readonly string[];
  readonly warnings: readonly string[];
}

/** Reads the files of a compose project for the images it builds. */
export async function readCompose(options: ComposeOptions): Promise<ComposeDraft> {
  const { files, cwd, report } = options;
  if (files.length === 0) return { targets: [], active: [], warnings: [] };
  const folder = path.dirname(files[0] ?? path.join(cwd, 'compose.yaml'));
  const unset = new Set<string>();
  const envFiles = options.environment['COMPOSE_ENV_FILES']?.split(',');
  const environment = await withDotEnv(options.environment, {
    folder,
    files: envFiles?.map((file) => path.resolve(cwd, file.trim())),
    report,
  });
  const context = { report, unset: (name: string) => void unset.add(name) };
  const asked = { file: 'command line' };
  const model = await loadModel({ files, folder, environment, context, asked });
  const project = projectName(model, { folder, environment, report });
  const services = servicesOf(model, report);
  const targets = services.flatMap((service) => {
    const found = toDraft(service, { folder, environment, project, model, report });
    return found === undefined ? [] : [found];
  });
  const profiles =
    options.profiles.length > 0
      ? options.profiles
      : (environment['COMPOSE_PROFILES'] ?? '').split(',').map((profile) => profile.trim());
  const active = services.filter(({ body }) => isActive(body, profiles, report));
  const names = new Set(targets.map(({ name }) => name));
  return {
    targets,
    active: active.map(({ name }) => name).filter((name) => names.has(name)),
    warnings: [...unset].sort().map((name) => `the variable ${name} is not set: it is empty`),
  };
}

interface Service {
  readonly name: string;
  readonly place: TreeNode['place'];
  readonly body: MapNode;
}

function servicesOf(model: MapNode, report: Report): Service[] {
  const services = get(model, 'services');
  if (services === undefined || isNull(services)) return [];
  if (services.kind !== 'map') {
    report(services.place, `services is a mapping, not ${describe(services)}`);
    return [];
  }
  return [...services.entries].flatMap(([name, { place, value }]) => {
    if (value.kind === 'map') {
      checkServiceKeys(value, report);
      return [{ name, place, body: value }];
    }
    if (!isNull(value)) report(value.place, `a service is a mapping, not ${describe(value)}`);
    return [];
  });
}

function isActive(service: MapNode, profiles: readonly string[], report: Report): boolean {
  const own = readTexts(get(service, 'profiles'), report);
  return own.length === 0 || profiles.includes('*') || own.some((one) => profiles.includes(one));
}

/** As compose finds it: the environment, the top-level name, the folder's name made fit. */
function projectName(
  model: MapNode,
  options: { readonly folder: string; readonly environment: Environment; readonly report: Report },
): string {
  const { folder, environment, report } = options;
  const node = get(model, 'name');
  const variable = environment['COMPOSE_PROJECT_NAME'] ?? '';
  const given = variable === '' ? (readText(node, report) ?? '') : variable;
  if (/^[a-z0-9][a-z0-9_-]*$/.test(given)) return given;
  if (given !== '') {
    const place =
      variable === '' && node !== undefined ? node.place : { file: 'COMPOSE_PROJECT_NAME' };
    report(place, `${given} is no name for a project: lower case letters, digits, - and _`);
  }
  const plain = path
    .basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '');
  return plain.replace(/^[_-]+/, '') || 'default';
}

function toDraft(
  service: Service,
  options: {
    readonly folder: string;
    readonly environment: Environment;
    readonly project: string;
    readonly model: MapNode;
    readonly report: Report;
  },
): TargetDraft | undefined {
  const { name, place, body } = service;
  const { folder, environment, project, model, report } = options;
  const build = get(body, 'build');
  if (build === undefined || isNull(build)) return undefined;
  if (build.kind !== 'map') {
    report(build.place, `build is a folder or a mapping, not ${describe(build)}`);
    return undefined;
  }
  checkBuildKeys(build, report);
  const entries = new Map<string, MapEntry>([
    ['context', entry(scalar(folder, build.place))],
    ...platformOf(body),
    ...toBakeKeys(build, { environment, secrets: get(model, 'secrets'), report }),
    ['tags', tagsOf(service, build, { project, report })],
  ]);
  const draft: MapNode = { kind: 'map', entries, place: build.place };
  return { name, place, body: withXBake(draft, build, report), base: folder };
}

/** A service that runs on one platform is built for it, unless its build says for which. */
function platformOf(service: MapNode): [string, MapEntry][] {
  const node = get(service, 'platform');
  return node === undefined || isNull(node) ? [] : [['platforms', entry(list([node], node.place))]];
}

function tagsOf(
  { name, body, place }: Service,
  build: MapNode,
  options: { readonly project: string; readonly report: Report },
): MapEntry {
  const image = get(body, 'image');
  const first =
    image === undefined || isNull(image) ? scalar(`${options.project}-${name}`, place) : image;
  const tags = get(build, 'tags');
  const others = tags?.kind === 'list' ? tags.items : [];
  if (tags !== undefined && tags.kind !== 'list' && !isNull(tags)) {
    options.report(tags.place, `tags is a list, not ${describe(tags)}`);
  }
  return entry(list([first, ...others], first.place));
}

const ADDED_LISTS = new Set(['tags', 'platforms', 'cache-to', 'output']);

/** What bake's extension adds to a service: lists are added to, also those that bake would replace. */
function withXBake(draft: MapNode, build: MapNode, report: Report): MapNode {
  const extension = get(build, 'x-bake');
  if (extension === undefined || isNull(extension)) return draft;
  if (extension.kind !== 'map') {
    report(extension.place, `x-bake is a mapping, not ${describe(extension)}`);
    return draft;
  }
  checkBakeKeys(extension, report);
  const known = [...extension.entries].filter(([key]) => X_BAKE.has(key));
  const entries = known.map(([key, { place, value }]): [string, MapEntry] => {
    const words =
      value.kind === 'scalar' && typeof value.value === 'string' && key !== 'contexts'
        ? list(
            value.value.split(/\s+/).map((word) => scalar(word, value.place)),
            value.place,
          )
        : value;
    const earlier = ADDED_LISTS.has(key) ? get(draft, key) : undefined;
    const items =
      earlier?.kind === 'list' && words.kind === 'list'
        ? [...earlier.items, ...words.items]
        : undefined;
    return [key, { place, value: items === undefined ? words : list(items, place) }];
  });
  // Contexts of the service itself win over those of the extension.
  const joined = mergeBodies(draft, map(entries, draft.place));
  const own = get(draft, 'contexts');
  return own === undefined
    ? joined
    : mergeBodies(joined, map([['contexts', entry(own)]], draft.place));
}
