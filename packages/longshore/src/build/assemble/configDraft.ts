import type { ExportImage } from '../../export/index.ts';
import { type Digest, normalisePlatform, type Platform } from '../../image/index.ts';

type Json = Readonly<Record<string, unknown>>;

/** The Linux default, which Docker and buildah give an image that is made from nothing. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What instructions change of an image's config, in this library's words. */
export interface ConfigFields {
  env: readonly (readonly [name: string, value: string])[];
  labels: Readonly<Record<string, string>>;
  user: string;
  workingDir: string;
  entrypoint: readonly string[] | undefined;
  cmd: readonly string[] | undefined;
  /** CMD was set in this very stage, so that an ENTRYPOINT leaves it. */
  cmdIsOwn: boolean;
  shell: readonly string[] | undefined;
  stopSignal: string | undefined;
  healthcheck: Json | undefined;
  exposedPorts: ReadonlySet<string>;
  volumes: ReadonlySet<string>;
  onBuild: readonly string[];
  author: string | undefined;
}

/** The config of an image in the making: that of its base, and what instructions change in it. */
export class ConfigDraft {
  readonly platform: Platform;
  readonly fields: ConfigFields;
  readonly history: unknown[];
  /** Of the base's config, whole: what no instruction touches is carried along. */
  readonly #runtime: Json;

  private constructor(
    platform: Platform,
    fields: ConfigFields,
    rest: { history: readonly unknown[]; runtime: Json },
  ) {
    this.platform = platform;
    this.fields = fields;
    this.history = [...rest.history];
    this.#runtime = rest.runtime;
  }

  static empty(platform: Platform): ConfigDraft {
    const fields = readFields({}, [`PATH=${DEFAULT_PATH}`], undefined);
    return new ConfigDraft(platform, fields, { history: [], runtime: {} });
  }

  static of(base: ExportImage): ConfigDraft {
    const document = readDocument(base.configBytes);
    const { runtime, env, os, architecture, variant } = base.config;
    const platform = {
      ...normalisePlatform(os, architecture, variant),
      ...optional('osVersion', text(document['os.version'])),
      ...optional('osFeatures', list(document['os.features'])),
    };
    const history: unknown = document['history'];
    return new ConfigDraft(platform, readFields(runtime, env, text(document['author'])), {
      history: Array.isArray(history) ? history : [],
      runtime,
    });
  }

  /** A copy for a stage that goes on from this one. */
  fork(): ConfigDraft {
    const { history } = this;
    const fields = { ...this.fields, cmdIsOwn: false };
    return new ConfigDraft(this.platform, fields, { history, runtime: this.#runtime });
  }

  setEnv(name: string, value: string): void {
    const { env } = this.fields;
    const at = env.findIndex(([known]) => known === name);
    this.fields.env = at < 0 ? [...env, [name, value]] : env.with(at, [name, value]);
  }

  addHistory(created: string, createdBy: string, isEmpty: boolean): void {
    this.history.push({
      created,
      created_by: createdBy,
      ...(isEmpty ? { empty_layer: true } : {}),
    });
  }

  /** The document, its keys in a fixed order. */
  toJson(created: string, diffIds: readonly Digest[]): string {
    const { os, architecture, variant, osVersion, osFeatures } = this.platform;
    const { fields } = this;
    return JSON.stringify({
      created,
      author: fields.author,
      architecture,
      variant,
      os,
      'os.version': osVersion,
      'os.features': osFeatures,
      config: {
        ...this.#runtime,
        User: fields.user === '' ? undefined : fields.user,
        ExposedPorts: asSet(fields.exposedPorts),
        Env: full(fields.env.map(([name, value]) => `${name}=${value}`)),
        Entrypoint: fields.entrypoint,
        Cmd: fields.cmd,
        Healthcheck: fields.healthcheck,
        Volumes: asSet(fields.volumes),
        WorkingDir: fields.workingDir === '' ? undefined : fields.workingDir,
        Labels: Object.keys(fields.labels).length === 0 ? undefined : sorted(fields.labels),
        StopSignal: fields.stopSignal,
        Shell: fields.shell,
        OnBuild: full(fields.onBuild),
      },
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: this.history,
    });
  }
}

function readFields(
  runtime: Json,
  env: readonly string[],
  author: string | undefined,
): ConfigFields {
  return {
    env: env.map((line) => {
      const equals = line.indexOf('=');
      return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
    labels: strings(runtime['Labels']),
    user: text(runtime['User']) ?? '',
    workingDir: text(runtime['WorkingDir']) ?? '',
    entrypoint: list(runtime['Entrypoint']),
    cmd: list(runtime['Cmd']),
    cmdIsOwn: false,
    shell: list(runtime['Shell']),
    stopSignal: text(runtime['StopSignal']),
    healthcheck: record(runtime['Healthcheck']),
    exposedPorts: new Set(Object.keys(record(runtime['ExposedPorts']) ?? {})),
    volumes: new Set(Object.keys(record(runtime['Volumes']) ?? {})),
    onBuild: list(runtime['OnBuild']) ?? [],
    author,
  };
}

function readDocument(bytes: Uint8Array): Json {
  return record(JSON.parse(new TextDecoder().decode(bytes))) ?? {};
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

function full<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length === 0 ? undefined : values;
}

function asSet(names: ReadonlySet<string>): Json | undefined {
  if (names.size === 0) return undefined;
  return Object.fromEntries([...names].sort().map((name) => [name, {}]));
}

function sorted(values: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function record(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : undefined;
}

function strings(value: unknown): Record<string, string> {
  const entries = Object.entries(record(value) ?? {});
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function list(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.filter((item) => typeof item === 'string');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
