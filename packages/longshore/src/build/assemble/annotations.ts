import { LongshoreError } from '../../errors.ts';
import { type Platform, parsePlatform, samePlatform } from '../../image/index.ts';

type Values = Readonly<Record<string, string>>;
type Level = 'manifest' | 'index' | 'manifest-descriptor';

interface Annotation {
  readonly level: string;
  readonly platform: Platform | undefined;
  readonly key: string;
  readonly value: string;
}

/**
 * Annotations as `buildx build --annotation` takes them: `KEY=VALUE` for the manifest, or with where
 * it goes before: `index,manifest[linux/amd64]:KEY=VALUE`.
 */
export class Annotations {
  readonly #all: readonly Annotation[];

  /** @throws LongshoreError `ERR_SPEC_INVALID` */
  constructor(texts: readonly string[]) {
    this.#all = texts.flatMap(parse);
  }

  /** Whether one is for an index, which an image of a single platform does not have. */
  get needIndex(): boolean {
    return this.#all.some(({ level }) => level !== 'manifest');
  }

  manifest(platform: Platform): Values | undefined {
    return this.#of('manifest', platform);
  }

  manifestDescriptor(platform: Platform): Values | undefined {
    return this.#of('manifest-descriptor', platform);
  }

  index(): Values | undefined {
    return this.#of('index');
  }

  #of(level: Level, platform?: Platform): Values | undefined {
    const found = this.#all.filter(
      (one) =>
        one.level === level &&
        (one.platform === undefined ||
          (platform !== undefined && samePlatform(one.platform, platform))),
    );
    if (found.length === 0) return undefined;
    const entries = found.map(({ key, value }): [string, string] => [key, value]);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const LEVEL = /^(manifest|index|manifest-descriptor)(?:\[([^\]]+)\])?$/;

function parse(text: string): Annotation[] {
  const [, prefix, rest = text] = /^([a-z][a-z,[\]/0-9-]*):(.*)$/s.exec(text) ?? [];
  const levels = (prefix ?? 'manifest').split(',').map((word) => LEVEL.exec(word));
  // A key may have a colon of its own: only known levels before one make it a prefix.
  const isPrefix = levels.every((level) => level !== null);
  const pair = isPrefix ? rest : text;
  const equals = pair.indexOf('=');
  if (equals <= 0) {
    throw new LongshoreError(`The annotation ${JSON.stringify(text)} is not KEY=VALUE`, {
      code: 'ERR_SPEC_INVALID',
      origin: 'input',
      hint: 'Write KEY=VALUE, or with where it goes: index:KEY=VALUE',
    });
  }
  const key = pair.slice(0, equals);
  const value = pair.slice(equals + 1);
  if (!isPrefix) return [{ key, value, level: 'manifest', platform: undefined }];
  return levels.map((level) => ({
    key,
    value,
    level: level?.[1] ?? 'manifest',
    platform: level?.[2] === undefined ? undefined : parsePlatform(level[2]),
  }));
}
