import { formatPlatform, type Platform } from '../../image/index.ts';
import { expandWord, expandWords } from '../dockerfile/expand.ts';
import type { ConfigDraft } from './configDraft.ts';

/** `TARGETPLATFORM`, `BUILDARCH`, ...: what every Dockerfile may declare with a bare `ARG`. */
export function platformArgs(build: Platform, target: Platform): Record<string, string> {
  const of = (prefix: string, platform: Platform): Record<string, string> => ({
    [`${prefix}PLATFORM`]: formatPlatform(platform),
    [`${prefix}OS`]: platform.os,
    [`${prefix}ARCH`]: platform.architecture,
    [`${prefix}VARIANT`]: platform.variant ?? '',
  });
  return { ...of('BUILD', build), ...of('TARGET', target) };
}

/** What `ARG` may take its value from, nearest first. */
export interface ArgSources {
  readonly given: Readonly<Record<string, string>>;
  readonly globals: ReadonlyMap<string, string>;
  readonly predefined: Readonly<Record<string, string>>;
}

/** The variables of one stage: `ARG`s as they are declared, and before them the environment. */
export class Variables {
  readonly #sources: ArgSources;
  readonly #escape: string;
  readonly #args = new Map<string, string>();
  readonly #config: ConfigDraft;

  constructor(sources: ArgSources, config: ConfigDraft, escape: string) {
    this.#sources = sources;
    this.#config = config;
    this.#escape = escape;
  }

  /** `ARG NAME` or, with a default, `ARG NAME=default`. */
  declare(name: string, fallback: string | undefined): void {
    const { given, globals, predefined } = this.#sources;
    const value =
      own(given, name) ?? fallback ?? globals.get(name) ?? own(predefined, name) ?? undefined;
    if (value !== undefined) this.#args.set(name, value);
  }

  expand(word: string): string {
    return expandWord(word, { escape: this.#escape, lookup: this.lookup });
  }

  expandAll(text: string): string[] {
    return expandWords(text, { escape: this.#escape, lookup: this.lookup });
  }

  readonly lookup = (name: string): string | undefined => {
    const set = this.#config.fields.env.find(([known]) => known === name);
    return set?.[1] ?? this.#args.get(name);
  };
}

function own(values: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}
