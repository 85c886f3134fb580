import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isLongshoreError } from '../../../errors.ts';
import { DEFAULT_REGISTRY, parseReference } from '../../../image/index.ts';
import { registryOfKey } from '../../../registry/index.ts';
import type { Environment } from '../options.ts';
import { configFolder, homeFolder } from './homeFolders.ts';

/** What containers-registries.conf(5) says where registries are. */
export interface RegistriesSettings {
  /** Of the one `registries.conf` that counts. */
  readonly text: string;
  /** Of all that buildah reads besides: drop-in files, and short names that were looked up before. */
  readonly more: readonly string[];
}

export async function readRegistries(environment: Environment): Promise<RegistriesSettings> {
  const { CONTAINERS_REGISTRIES_CONF: named } = environment;
  const folders = [join(configFolder(environment), 'containers'), '/etc/containers'];
  const usual = folders.map((folder) => join(folder, 'registries.conf'));
  const main = named !== undefined && named !== '' ? [named] : usual;
  const dropIns = await Promise.all(folders.map((one) => listFiles(`${one}/registries.conf.d`)));
  const caches = [
    '/var/cache',
    environment['XDG_CACHE_HOME'] ?? join(homeFolder(environment), '.cache'),
  ];
  const names = caches.map((folder) => join(folder, 'containers/short-name-aliases.conf'));
  const [texts, more] = await Promise.all([readAll(main), readAll([...dropIns.flat(), ...names])]);
  return { text: texts[0] ?? '', more };
}

/** A `registries.conf` (version 2) with more in it. Drop-in folders are read by buildah as ever. */
export function withPlainHosts(text: string, hosts: ReadonlySet<string>): string {
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

/**
 * The registries that may be asked for images: those in their names, and whatever the settings name, as
 * a mirror, another place or one to search. Of short names (`"fedora" = "registry.lab/fedora"`, of which
 * distributions bring hundreds) only those of the images count.
 * @returns nothing where an image's name says no registry (`docker-archive:file`)
 */
export function registriesOf(
  images: readonly string[],
  { text, more }: RegistriesSettings,
): ReadonlySet<string> | undefined {
  try {
    const references = images.map(parseReference);
    const short = references
      .filter(({ registry }) => registry === DEFAULT_REGISTRY)
      .flatMap(({ repository }) => [repository, repository.replace(/^library\//, '')]);
    const named = [text, ...more].flatMap((one) => placesIn(one, new Set(short)));
    return new Set([...references.map(({ registry }) => registry.toLowerCase()), ...named]);
  } catch (error) {
    if (isLongshoreError(error)) return undefined;
    throw error;
  }
}

function placesIn(text: string, shortNames: ReadonlySet<string>): readonly string[] {
  const lines = text.split('\n').filter((line) => {
    const alias = /^\s*["']([^"']+)["']\s*=/.exec(line)?.[1];
    return !line.trimStart().startsWith('#') && (alias === undefined || shortNames.has(alias));
  });
  const strings = lines.flatMap((line) => Array.from(line.matchAll(/"([^"]*)"|'([^']*)'/g)));
  return strings.map(([, double, single = '']) => registryOfKey(double ?? single));
}

async function listFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith('.conf')).map((name) => join(folder, name));
}

/** Those of the files that can be read. */
async function readAll(paths: readonly string[]): Promise<readonly string[]> {
  const texts = await Promise.all(
    paths.map((path) => readFile(path, 'utf8').catch(() => undefined)),
  );
  return texts.flatMap((text) => text ?? []);
}
