import { LongshoreError } from '../errors.ts';
import { type Digest, isDigest } from '../image/index.ts';

/** What of an image's config (OCI image specification, `config.md`) an export needs. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  /** Seconds since the epoch. */
  readonly createdAt?: number;
  /** `NAME=value`, in order. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Digests of the layers once unpacked, base first. */
  readonly diffIds: readonly Digest[];
  /** The part that a runtime reads, whole and as it was: `config.md` calls it `config`. */
  readonly runtime: Readonly<Record<string, unknown>>;
}

/**
 * Reads the config of an image.
 * @throws LongshoreError `ERR_CONFIG_INVALID`
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (!isObject(value)) throw invalid('it is not a JSON object');
  const config = isObject(value['config']) ? value['config'] : {};
  const variant = text(value['variant']);
  const createdAt = Date.parse(text(value['created'])) / 1000;
  return {
    architecture: text(value['architecture']),
    os: text(value['os']),
    ...(variant === '' ? {} : { variant }),
    ...(Number.isFinite(createdAt) ? { createdAt: Math.floor(createdAt) } : {}),
    env: words(config['Env']),
    entrypoint: words(config['Entrypoint']),
    cmd: words(config['Cmd']),
    workingDir: text(config['WorkingDir']),
    user: text(config['User']),
    labels: readLabels(config['Labels']),
    diffIds: readDiffIds(value['rootfs']),
    runtime: config,
  };
}

function readDiffIds(value: unknown): Digest[] {
  const list: unknown = isObject(value) ? value['diff_ids'] : undefined;
  if (!Array.isArray(list) || !list.every(isDigest)) {
    throw invalid('it does not list its layers (rootfs.diff_ids)');
  }
  return list;
}

function readLabels(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => {
      return typeof entry[1] === 'string';
    }),
  );
}

/** A list of strings; Docker once wrote a command as one string. */
function words(value: unknown): string[] {
  if (typeof value === 'string' && value !== '') return [value];
  if (!Array.isArray(value)) return [];
  return value.filter((word): word is string => typeof word === 'string' && !word.includes('\0'));
}

function text(value: unknown): string {
  return typeof value === 'string' && !value.includes('\0') ? value : '';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string, cause?: unknown): LongshoreError {
  return new LongshoreError(`Not a valid image config: ${reason}`, {
    code: 'ERR_CONFIG_INVALID',
    origin: 'input',
    hint: 'Only container images can be exported so; an artifact of another kind cannot',
    cause,
  });
}
