import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, readJsonObject } from '../json.ts';
import type { Environment } from '../options.ts';

/** What buildah would read, with the landing added. Both are files, so that nothing secret is in `ps`. */
export interface BuildahConfiguration {
  readonly authFile: string;
  readonly registriesFile: string;
}

export interface ConfigurationRequest {
  readonly folder: string;
  readonly environment: Environment;
  /** Credentials by host; see `Landing.auth`. */
  readonly auths: ReadonlyMap<string, string>;
  /** Hosts that are asked over plain HTTP; on loopback, all of them. */
  readonly plainHosts: ReadonlySet<string>;
}

export async function writeConfiguration(
  request: ConfigurationRequest,
): Promise<BuildahConfiguration> {
  const { folder, environment } = request;
  const authFile = join(folder, 'auth.json');
  const auths = await mergedAuths(environment);
  for (const [host, auth] of request.auths) auths.auths[host] = { auth };
  await writeFile(authFile, JSON.stringify(auths), { mode: 0o600 });
  const registriesFile = join(folder, 'registries.conf');
  const own = await readFirst(registriesFiles(environment));
  await writeFile(registriesFile, withPlainHosts(own, request.plainHosts));
  return { authFile, registriesFile };
}

/** A `registries.conf` (version 2) with more in it. Drop-in folders are read by buildah as ever. */
function withPlainHosts(text: string, hosts: ReadonlySet<string>): string {
  // What a Dockerfile calls `debian` is Docker Hub's, wherever nobody has said anything else.
  const search = /^\s*unqualified-search-registries\s*=/m.test(text)
    ? ''
    : 'unqualified-search-registries = ["docker.io"]\n';
  const plain = Array.from(
    hosts,
    (host) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
  );
  return [search, text, '\n', ...plain].join('');
}

/** The one of these that is there is read, by containers-registries.conf(5). */
function registriesFiles(environment: Environment): readonly string[] {
  const { CONTAINERS_REGISTRIES_CONF: named, HOME, XDG_CONFIG_HOME } = environment;
  if (named !== undefined && named !== '') return [named];
  const config = XDG_CONFIG_HOME ?? join(HOME ?? '/nonexistent', '.config');
  return [join(config, 'containers/registries.conf'), '/etc/containers/registries.conf'];
}

async function readFirst(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return '';
}

/** Loopback hosts that a Dockerfile and its arguments mention. */
export function loopbackHosts(...texts: readonly string[]): Set<string> {
  const host = /(?<![\w.-])(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?(?=\/)/g;
  return new Set(texts.flatMap((text) => text.match(host) ?? []));
}

interface AuthFile {
  readonly auths: Record<string, unknown>;
  readonly credHelpers: Record<string, unknown>;
}

/** The files that containers-auth.json(5) names, the one with the last word at the end. */
async function mergedAuths(environment: Environment): Promise<AuthFile> {
  const merged: AuthFile = { auths: {}, credHelpers: {} };
  for (const path of authFiles(environment)) {
    const { auths, credHelpers } = await readJsonObject(path);
    if (isObject(auths)) Object.assign(merged.auths, auths);
    if (isObject(credHelpers)) Object.assign(merged.credHelpers, credHelpers);
  }
  return merged;
}

function authFiles(environment: Environment): readonly string[] {
  const named = environment['REGISTRY_AUTH_FILE'];
  if (named !== undefined && named !== '') return [named];
  const home = environment['HOME'] ?? '/nonexistent';
  const docker = environment['DOCKER_CONFIG'] ?? join(home, '.docker');
  const config = environment['XDG_CONFIG_HOME'] ?? join(home, '.config');
  const runtime = environment['XDG_RUNTIME_DIR'] ?? `/run/containers/${process.getuid?.() ?? 0}`;
  return [
    join(docker, 'config.json'),
    join(config, 'containers/auth.json'),
    join(runtime, 'containers/auth.json'),
    `/run/containers/${process.getuid?.() ?? 0}/auth.json`,
  ];
}
