import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, isAbsent, LongshoreError } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import { isOptionName, OPTION_NAMES, type OptionName, optionSpec } from './options.ts';
import type { Places } from './places.ts';
import type { RawValue, RawValues } from './resolve.ts';

/** Larger than any settings file; keeps a mistaken `--config disk.img` from filling the memory. */
const MAX_FILE_BYTES = 1024 * 1024;

export interface SettingsFile {
  /** `undefined` where there is no file. */
  readonly path: string | undefined;
  readonly values: RawValues;
}

/**
 * Reads the settings file: the one that is named, which must be there, else the first that is
 * there of the usual places.
 * @throws LongshoreError `ERR_CONFIG`
 */
export async function readSettingsFile(
  named: string | undefined,
  places: Places,
): Promise<SettingsFile> {
  const candidates = named === undefined ? places.settingsFiles : [path.resolve(places.cwd, named)];
  for (const candidate of candidates) {
    const text = await readIfThere(candidate, named !== undefined);
    if (text !== undefined) {
      const shown = path.relative(places.cwd, candidate);
      const name = shown.startsWith('..') ? candidate : shown;
      const values = await parseSettings(text, { name, file: candidate, home: places.home });
      return { path: candidate, values };
    }
  }
  return { path: undefined, values: new Map() };
}

async function readIfThere(file: string, required: boolean): Promise<string | undefined> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length <= MAX_FILE_BYTES) return text;
  } catch (cause) {
    if (!required && isAbsent(cause)) return undefined;
    const errno = errnoOf(cause) ?? 'unknown cause';
    throw problem(`Cannot read the settings file ${file}: ${errno}`, cause);
  }
  throw problem(`The settings file ${file} is over 1 MiB; is it the right file?`);
}

/**
 * Reads the text of a settings file. Every key must be an option; relative paths count from the
 * file's own directory, and a leading `~/` is the home directory.
 * @throws LongshoreError `ERR_CONFIG`, naming file and line
 */
export async function parseSettings(
  text: string,
  source: { readonly name: string; readonly file: string; readonly home: string },
): Promise<RawValues> {
  // Loaded here because most runs have no such file, and the parser costs 15 ms.
  const { isMap, isNode, isScalar, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => `${source.name}:${lines.linePos(offset).line}`;
  const [error] = document.errors;
  if (error !== undefined) throw problem(`${at(error.pos[0])}: not valid YAML: ${error.message}`);
  const values = new Map<OptionName, RawValue>();
  if (document.contents === null) return values;
  if (!isMap(document.contents)) throw problem(`${source.name}: it must hold keys and values`);

  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const where = `${at((isScalar(key) ? key.range?.[0] : undefined) ?? 0)}: ${name}`;
    const option = checkKey(name, where);
    const plain: unknown = isNode(value) ? value.toJS(document) : value;
    values.set(option, { where, value: readValue(option, plain, { ...source, where }) });
  }
  return values;
}

function checkKey(name: string, where: string): OptionName {
  const known = OPTION_NAMES.filter((option) => optionSpec(option).notInFile !== true);
  if (isOptionName(name) && known.includes(name)) return name;
  if (isOptionName(name)) throw problem(`${where}: can be given as a flag only`);
  throw problem(`${where}: there is no such setting${didYouMean(name, known)}`);
}

function readValue(
  option: OptionName,
  value: unknown,
  source: { readonly file: string; readonly home: string; readonly where: string },
): RawValue['value'] {
  const { kind } = optionSpec(option);
  if (typeof value === 'boolean') {
    if (kind === 'switch') return value;
    throw problem(`${source.where}: it needs a value, not ${value}`);
  }
  if (Array.isArray(value) && kind === 'list') return value.map((item) => readScalar(item, source));
  const text = readScalar(value, source);
  if (kind === 'list') return [text];
  return kind === 'path' ? expandPath(text, source) : text;
}

function readScalar(value: unknown, source: { readonly where: string }): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  throw problem(`${source.where}: its value is not a text or a number`);
}

function expandPath(
  text: string,
  source: { readonly file: string; readonly home: string },
): string {
  if (text === '-') return text;
  if (text === '~' || text.startsWith('~/')) return path.join(source.home, text.slice(1));
  return path.resolve(path.dirname(source.file), text);
}

function problem(message: string, cause?: unknown): LongshoreError {
  return new LongshoreError(message, { code: 'ERR_CONFIG', origin: 'input', cause });
}
