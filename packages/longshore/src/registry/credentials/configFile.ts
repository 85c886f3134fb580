import { readFile } from 'node:fs/promises';
import { errnoOf, isAbsent, LongshoreError } from '../../errors.ts';
import { coveringKeys, normaliseKey } from './serverKeys.ts';
import type { Credential, CredentialAddress } from './types.ts';

/** What a `config.json` or `auth.json` says about credentials, checked. */
export interface AuthConfig {
  /** Where it came from: a path, or the name of a variable. */
  readonly source: string;
  readonly auths: ReadonlyMap<string, AuthEntry>;
  /** Helper names by registry. */
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
}

interface AuthEntry {
  readonly auth: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly identityToken: string | undefined;
  readonly registryToken: string | undefined;
}

/** @returns `undefined` when there is no such file @throws LongshoreError `ERR_CREDENTIALS_FILE` */
export async function readConfigFile(path: string): Promise<AuthConfig | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw unusable(path, `it cannot be read (${errnoOf(cause) ?? 'unknown error'})`, cause);
  }
  return parseConfig(text, path);
}

/** @throws LongshoreError `ERR_CREDENTIALS_FILE`, without quoting the text: it may hold secrets */
export function parseConfig(text: string, source: string): AuthConfig {
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw unusable(source, 'it is not JSON');
  }
  if (!isObject(value)) throw unusable(source, 'it is not a JSON object');
  const credsStore = value['credsStore'];
  return {
    source,
    auths: readAuths(value['auths']),
    credHelpers: readHelpers(value['credHelpers']),
    credsStore: typeof credsStore === 'string' && credsStore !== '' ? credsStore : undefined,
  };
}

/** The helper that answers for an address, if any: its own before the one for all. */
export function helperFor(config: AuthConfig, address: CredentialAddress): string | undefined {
  for (const key of coveringKeys(address)) {
    const helper = config.credHelpers.get(key);
    if (helper !== undefined) return helper;
  }
  return config.credsStore;
}

/** What the file itself holds for an address, the longest matching path first. */
export function storedCredential(
  config: AuthConfig,
  address: CredentialAddress,
): Credential | undefined {
  for (const key of coveringKeys(address)) {
    const entry = config.auths.get(key);
    const credential = entry && readEntry(entry, config.source);
    if (credential !== undefined) return credential;
  }
  return undefined;
}

function readEntry(entry: AuthEntry, source: string): Credential | undefined {
  if (entry.registryToken !== undefined) {
    return { kind: 'registryToken', token: entry.registryToken, source };
  }
  if (entry.identityToken !== undefined) {
    return { kind: 'identityToken', token: entry.identityToken, source };
  }
  const pair = entry.auth === undefined ? '' : Buffer.from(entry.auth, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon > 0) {
    // Docker pads with NUL what it had encrypted once.
    const password = pair.slice(colon + 1).replace(/\0+$/, '');
    return { kind: 'basic', username: pair.slice(0, colon), password, source };
  }
  const { username, password } = entry;
  if (username === undefined || password === undefined) return undefined;
  return { kind: 'basic', username, password, source };
}

function readAuths(value: unknown): ReadonlyMap<string, AuthEntry> {
  const entries = new Map<string, AuthEntry>();
  if (!isObject(value)) return entries;
  for (const [key, entry] of Object.entries(value)) {
    if (!isObject(entry)) continue;
    const normalised = normaliseKey(key);
    // An exact key beats one that only means the same host.
    if (entries.has(normalised) && normalised !== key) continue;
    entries.set(normalised, {
      auth: filledString(entry['auth']),
      username: filledString(entry['username']),
      password: filledString(entry['password']),
      identityToken: filledString(entry['identitytoken']),
      registryToken: filledString(entry['registrytoken']),
    });
  }
  return entries;
}

function readHelpers(value: unknown): ReadonlyMap<string, string> {
  const helpers = new Map<string, string>();
  if (!isObject(value)) return helpers;
  for (const [key, name] of Object.entries(value)) {
    if (typeof name === 'string' && name !== '') helpers.set(normaliseKey(key), name);
  }
  return helpers;
}

function filledString(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function unusable(source: string, reason: string, cause?: unknown): LongshoreError {
  return new LongshoreError(`Credentials in ${source} cannot be used: ${reason}`, {
    code: 'ERR_CREDENTIALS_FILE',
    origin: 'input',
    hint: 'Repair or remove that file, then log in again with: longshore login HOST',
    cause,
  });
}
