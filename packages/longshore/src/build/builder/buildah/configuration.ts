import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../options.ts';
import { readAuths } from './credentials.ts';
import { readRegistries, registriesOf, withPlainHosts } from './registries.ts';

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
  /** What is asked for at registries; nothing where that is not known, so that it may be anything. */
  readonly images: readonly string[] | undefined;
}

export async function writeConfiguration(
  request: ConfigurationRequest,
): Promise<BuildahConfiguration> {
  const { folder, environment, images } = request;
  const settings = await readRegistries(environment);
  const registries = images === undefined ? undefined : registriesOf(images, settings);
  const authFile = join(folder, 'auth.json');
  const auths = await readAuths(environment, registries);
  for (const [host, auth] of request.auths) auths.auths[host] = { auth };
  await writeFile(authFile, JSON.stringify(auths), { mode: 0o600 });
  const registriesFile = join(folder, 'registries.conf');
  await writeFile(registriesFile, withPlainHosts(settings.text, request.plainHosts));
  return { authFile, registriesFile };
}

/** Loopback hosts that a Dockerfile and its arguments mention. */
export function loopbackHosts(...texts: readonly string[]): Set<string> {
  const host = /(?<![\w.-])(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?(?=\/)/g;
  return new Set(texts.flatMap((text) => text.match(host) ?? []));
}
