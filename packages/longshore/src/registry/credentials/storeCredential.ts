import { randomUUID } from 'node:crypto';
import { open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { makeFolders } from '../../fileSystem.ts';
import { helperFor, isObject, parseConfig, unusable } from './configFile.ts';
import { type HelperAction, helperError, type RunHelper, runHelperProgram } from './helper.ts';
import { normaliseKey, serverKey } from './serverKeys.ts';

export interface StoreCredentialOptions {
  /** The `config.json` or `auth.json` to change; created, readable by its owner alone, if missing. */
  readonly file: string;
  /** @defaultValue `docker-credential-NAME` from the `PATH` */
  readonly runHelper?: RunHelper | undefined;
  /** @defaultValue 60_000 */
  readonly helperTimeoutMs?: number | undefined;
}

/**
 * Remembers a login where Docker would: with the helper that the file names for this registry,
 * else in the file itself, encoded and not encrypted.
 * @returns where it went: the file's path or the helper's name
 * @throws LongshoreError `ERR_CREDENTIALS_FILE`, `ERR_CREDENTIAL_HELPER`
 */
export async function storeCredential(
  registry: string,
  login: { readonly username: string; readonly password: string },
  options: StoreCredentialOptions,
): Promise<string> {
  const { document, helper } = await load(registry, options);
  const server = serverKey(registry);
  if (helper !== undefined) {
    const entry = { ServerURL: server, Username: login.username, Secret: login.password };
    await callHelper(helper, 'store', JSON.stringify(entry), options);
    // Docker's own mark that there is something in the helper.
    await save(options.file, withEntry(document, registry, {}));
    return `docker-credential-${helper}`;
  }
  const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  await save(options.file, withEntry(document, registry, { auth }));
  return options.file;
}

/**
 * Forgets a login, in the file and in its helper.
 * @returns whether there was one in the file
 * @throws LongshoreError `ERR_CREDENTIALS_FILE`, `ERR_CREDENTIAL_HELPER`
 */
export async function eraseCredential(
  registry: string,
  options: StoreCredentialOptions,
): Promise<boolean> {
  const { document, helper } = await load(registry, options);
  if (helper !== undefined) await callHelper(helper, 'erase', serverKey(registry), options);
  const changed = withEntry(document, registry, undefined);
  const before = Object.keys(authsOf(document)).length;
  const found = Object.keys(authsOf(changed)).length < before;
  if (found) await save(options.file, changed);
  return found || helper !== undefined;
}

type Json = Readonly<Record<string, unknown>>;

async function load(
  registry: string,
  { file }: StoreCredentialOptions,
): Promise<{ readonly document: Json; readonly helper: string | undefined }> {
  let text = '{}';
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw unusable(file, 'it cannot be read', cause);
  }
  const helper = helperFor(parseConfig(text, file), { registry });
  const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
  return { document: isObject(value) ? value : {}, helper };
}

function authsOf(document: Json): Json {
  const auths = document['auths'];
  return isObject(auths) ? auths : {};
}

/** Everything else in the file stays: it belongs to other tools. */
function withEntry(document: Json, registry: string, entry: Json | undefined): Json {
  const kept = Object.entries(authsOf(document)).filter(
    ([key]) => normaliseKey(key) !== normaliseKey(registry),
  );
  const added = entry === undefined ? [] : [[serverKey(registry), entry] as const];
  return { ...document, auths: Object.fromEntries([...kept, ...added]) };
}

async function callHelper(
  name: string,
  action: HelperAction,
  input: string,
  { runHelper = runHelperProgram, helperTimeoutMs = 60_000 }: StoreCredentialOptions,
): Promise<void> {
  const result = await runHelper(name, action, input, AbortSignal.timeout(helperTimeoutMs));
  if (result.exitCode === 0) return;
  const unknown = /credentials not found/i.test(`${result.stdout} ${result.stderr}`);
  if (action === 'erase' && unknown) return;
  throw helperError(name, action, `exit code ${result.exitCode}`);
}

/** Whole or not at all: written beside it, synced, moved over it. A link stays a link. */
async function save(file: string, document: Json): Promise<void> {
  let temporary: string | undefined;
  try {
    await makeFolders(dirname(file), 0o700);
    const target = await realpath(file).catch(() => file);
    temporary = `${target}.${randomUUID()}.tmp`;
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(document, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { force: true });
    throw unusable(file, `it cannot be written (${errnoOf(cause) ?? 'unknown error'})`, cause);
  }
}
