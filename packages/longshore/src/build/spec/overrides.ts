import { didYouMean } from '../../suggest.ts';
import { matchesGlob } from './glob.ts';
import { mergeBodies } from './mergeTargets.ts';
import { TARGET_KEYS } from './readTarget.ts';
import { entry, list, type MapEntry, type MapNode, map, type Report, scalar } from './tree.ts';

/** One `--set TARGET.KEY[.NAME][+]=VALUE`. */
interface Override {
  /** A name or a pattern of names. */
  readonly pattern: string;
  readonly key: string;
  readonly sub?: string | undefined;
  readonly value: string;
  readonly append: boolean;
}

const ALIASES: Readonly<Record<string, string>> = {
  annotation: 'annotations',
  arg: 'args',
  entitlement: 'entitlements',
  'extra-host': 'extra-hosts',
  label: 'labels',
  platform: 'platforms',
  secrets: 'secret',
  tag: 'tags',
  ulimit: 'ulimits',
};
const MAPS = new Set(['args', 'labels', 'contexts', 'extra-hosts']);
const LISTS = new Set(
  'tags platforms output cache-to cache-from ssh secret attest entitlements annotations ulimits no-cache-filter'.split(
    ' ',
  ),
);
const NOT_SET = new Set(['inherits', 'matrix', 'name', 'description']);
const SET = /^([^.=]+)\.([\w-]+)(?:\.([^=]*?))?(\+)?(?:=(.*))?$/s;

/** Reads `--set` options as bake takes them; an argument without `=` is that of the environment. */
export function readOverrides(
  texts: readonly string[],
  options: {
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly report: Report;
  },
): readonly Override[] {
  return texts.flatMap((text) => {
    const found = readOverride(text, options.environment);
    if (typeof found !== 'string') return found ?? [];
    options.report({ file: `--set ${text.replace(/=.*$/s, '')}` }, found);
    return [];
  });
}

/** @returns what is wrong, or nothing where an argument's variable is not set */
function readOverride(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): Override | string | undefined {
  const match = SET.exec(text);
  if (match === null) return 'expected TARGET.KEY=VALUE';
  const [, pattern = '', written = '', sub, plus] = match;
  const key = ALIASES[written] ?? written;
  if (NOT_SET.has(key) || !TARGET_KEYS.includes(key)) {
    const settable = TARGET_KEYS.filter((name) => !NOT_SET.has(name));
    return `a target has no ${written} that can be set${didYouMean(written, settable)}`;
  }
  if (MAPS.has(key) !== (sub !== undefined)) {
    return MAPS.has(key) ? `expected TARGET.${key}.NAME=VALUE` : `${key} has no parts`;
  }
  const append = plus !== undefined;
  if (append && !LISTS.has(key)) return `nothing can be added to ${key}`;
  const value = match[5] ?? (key === 'args' ? environment[sub ?? ''] : undefined);
  if (value === undefined) return key === 'args' ? undefined : 'expected TARGET.KEY=VALUE';
  return { pattern, key, sub, value, append };
}

/** What of `--set` concerns a target, over what its files say. */
export function applyOverrides(
  name: string,
  body: MapNode,
  overrides: readonly Override[],
): MapNode {
  const mine = overrides.filter(({ pattern }) => pattern === name || matchesGlob(pattern, name));
  const entries = new Map(body.entries);
  const replaced = new Set<string>();
  for (const override of mine) {
    const { key, value, append } = override;
    if (MAPS.has(key)) continue;
    const one = overrideEntry(override);
    const earlier = entries.get(key);
    // Several of the same key are one list; the first of them takes the place of what was there.
    const keeps = LISTS.has(key) && earlier !== undefined && (append || replaced.has(key));
    if (LISTS.has(key) && !append && value === '') entries.set(key, entry(list([], one.place)));
    else if (!keeps) entries.set(key, one);
    else entries.set(key, appended(earlier, one));
    replaced.add(key);
  }
  const maps = mine.filter(({ key }) => MAPS.has(key));
  const others = maps.map((override) => {
    const inner = map([[override.sub ?? '', overrideEntry(override)]], placeOf(override));
    return map([[override.key, entry(inner)]], placeOf(override));
  });
  return others.reduce(mergeBodies, { ...body, entries });
}

function overrideEntry(override: Override): MapEntry {
  const value = scalar(override.value, placeOf(override));
  return entry(LISTS.has(override.key) ? list([value], value.place) : value);
}

function placeOf({ pattern, key, sub }: Override): { file: string } {
  return { file: `--set ${pattern}.${key}${sub === undefined ? '' : `.${sub}`}` };
}

function appended(earlier: MapEntry, later: MapEntry): MapEntry {
  const items = [earlier.value, later.value].flatMap((node) =>
    node.kind === 'list' ? node.items : [node],
  );
  return { place: later.place, value: list(items, later.value.place) };
}

/** `--set` for a target that is not there is a mistake, and shows as one. */
export function reportUnused(
  overrides: readonly Override[],
  names: readonly string[],
  report: Report,
): void {
  for (const override of overrides) {
    const { pattern } = override;
    if (names.some((name) => name === pattern || matchesGlob(pattern, name))) continue;
    report(placeOf(override), `no target is called ${pattern}${didYouMean(pattern, names)}`);
  }
}
