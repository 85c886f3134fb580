import { LongshoreError } from '../../errors.ts';
import { didYouMean, nearest } from '../../suggest.ts';
import {
  environmentName,
  OPTION_NAMES,
  type OPTIONS,
  type OptionName,
  optionSpec,
} from './options.ts';
import { type Parsed, parseCount, parseDuration, parseSize, parseSwitch } from './units.ts';

interface ValueOfKind {
  readonly text: string;
  readonly path: string;
  readonly list: readonly string[];
  readonly switch: boolean;
  readonly count: number;
  readonly width: number | 'auto';
  readonly size: number;
  readonly duration: number;
  readonly choice: string;
}

type OptionValue = ValueOfKind[keyof ValueOfKind];

/** The value of every option that was given somewhere; `undefined` where none was. */
export type Settings = {
  readonly [Name in OptionName]: ValueOfKind[(typeof OPTIONS)[Name]['kind']] | undefined;
};

/** One value as it was written, and where: for precedence and for messages. */
export interface RawValue {
  /** A list where the option was repeated, or where the file has a list. */
  readonly value: string | boolean | readonly string[];
  /** `--workers`, `LONGSHORE_WORKERS`, `longshore.yaml:3: workers`. */
  readonly where: string;
}

export type RawValues = ReadonlyMap<OptionName, RawValue>;

export interface ResolvedSettings {
  readonly settings: Settings;
  /** Who has decided each option. */
  readonly sources: ReadonlyMap<OptionName, 'flag' | 'environment' | 'file'>;
}

/**
 * Merges what flags, environment and file say: a flag beats the environment, which beats the file.
 * Values that are beaten, or that the command does not take, are not read: a broken variable can
 * be overridden by its flag.
 * @throws LongshoreError `ERR_USAGE`
 */
export function resolveSettings(
  given: {
    readonly flags: RawValues;
    readonly environment: RawValues;
    readonly file: RawValues;
  },
  names: readonly OptionName[] = OPTION_NAMES,
): ResolvedSettings {
  const sources = new Map<OptionName, 'flag' | 'environment' | 'file'>();
  const values = new Map<OptionName, OptionValue>();
  for (const name of names) {
    const [source, raw] = pick(name, given);
    if (raw === undefined || source === undefined) continue;
    sources.set(name, source);
    values.set(name, parseValue(name, raw));
  }
  const settings = Object.fromEntries(OPTION_NAMES.map((name) => [name, values.get(name)]));
  return { settings: settings as Settings, sources };
}

function pick(
  name: OptionName,
  given: { readonly flags: RawValues; readonly environment: RawValues; readonly file: RawValues },
): ['flag' | 'environment' | 'file' | undefined, RawValue | undefined] {
  const flag = given.flags.get(name);
  if (flag !== undefined) return ['flag', flag];
  const variable = given.environment.get(name);
  if (variable !== undefined) return ['environment', variable];
  const entry = given.file.get(name);
  return [entry === undefined ? undefined : 'file', entry];
}

/** Variables that are set; an empty one counts as not set, as shells can hardly unset in place. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): RawValues {
  const values = new Map<OptionName, RawValue>();
  for (const name of OPTION_NAMES) {
    const where = environmentName(name);
    const value = env[where];
    if (value !== undefined && value !== '') values.set(name, { value, where });
  }
  return values;
}

/** Variables that look like ours with a slip of the pen, each with what was probably meant. */
export function misspeltVariables(
  env: Readonly<Record<string, string | undefined>>,
): readonly { readonly name: string; readonly meant: string }[] {
  const known = OPTION_NAMES.map(environmentName);
  return Object.keys(env)
    .filter((name) => name.startsWith('LONGSHORE_') && !known.includes(name))
    .flatMap((name) => {
      const meant = nearest(
        name.slice('LONGSHORE_'.length),
        known.map((k) => k.slice(10)),
      );
      return meant === undefined ? [] : [{ name, meant: `LONGSHORE_${meant}` }];
    });
}

function parseValue(name: OptionName, raw: RawValue): OptionValue {
  const parsed = parseByKind(name, raw.value);
  if (parsed.ok) return parsed.value;
  throw new LongshoreError(`${raw.where}: ${parsed.reason}`, {
    code: 'ERR_USAGE',
    origin: 'input',
  });
}

function parseByKind(name: OptionName, value: RawValue['value']): Parsed<OptionValue> {
  const spec = optionSpec(name);
  if (spec.kind === 'list') return { ok: true, value: asList(value) };
  if (spec.kind === 'switch') {
    if (typeof value === 'boolean') return { ok: true, value };
    return typeof value === 'string' ? parseSwitch(value) : bad('only one value is allowed');
  }
  if (typeof value === 'boolean') return bad(`it needs a value, ${spec.placeholder ?? 'a text'}`);
  const text = typeof value === 'string' ? value : value.at(-1);
  if (text === undefined || text.trim() === '') return bad('its value is empty');
  switch (spec.kind) {
    case 'count':
      return parseCount(text, spec.max ?? Number.MAX_SAFE_INTEGER);
    case 'width':
      return text === 'auto' ? { ok: true, value: text } : parseWidth(text, spec.max);
    case 'size':
      return parseSize(text);
    case 'duration':
      return parseDuration(text);
    case 'choice':
      return parseChoice(text, spec.choices ?? []);
    case 'text':
    case 'path':
      return { ok: true, value: text };
  }
}

function parseWidth(text: string, max = Number.MAX_SAFE_INTEGER): Parsed<number> {
  const parsed = parseCount(text, max);
  return parsed.ok ? parsed : bad(`${parsed.reason}, nor auto`);
}

function parseChoice(text: string, choices: readonly string[]): Parsed<string> {
  if (choices.includes(text)) return { ok: true, value: text };
  const list = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  return bad(`${JSON.stringify(text)} is not one of ${list}${didYouMean(text, choices)}`);
}

/** Flags repeat and files hold lists; a variable separates by commas. */
function asList(value: RawValue['value']): readonly string[] {
  if (typeof value === 'boolean') return [];
  const items = typeof value === 'string' ? value.split(',') : value;
  return items.map((item) => item.trim()).filter((item) => item !== '');
}

function bad(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
