import path from 'node:path';
import type { DockerCredentialsOptions } from '../registry/index.ts';
import type { CliHost } from './host.ts';
import type { Places } from './settings/places.ts';

/** Where credentials are looked for, and the one file that `login` changes. */
export interface CredentialPlaces extends Pick<DockerCredentialsOptions, 'documents'> {
  /** Best first. */
  readonly files: readonly string[];
  readonly loginFile: string;
}

/**
 * Docker's `config.json` (`DOCKER_CONFIG` moves its folder), then what Podman and Buildah keep in
 * `containers/auth.json`. A file named by `REGISTRY_AUTH_FILE` comes before them and takes logins;
 * the text of `DOCKER_AUTH_CONFIG` comes before all files.
 */
export function credentialPlaces({
  host: { env },
  places,
}: {
  readonly host: Pick<CliHost, 'env'>;
  readonly places: Places;
}): CredentialPlaces {
  const { home, cwd } = places;
  const set = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const named = set('REGISTRY_AUTH_FILE');
  const docker = path.join(set('DOCKER_CONFIG') ?? path.join(home, '.docker'), 'config.json');
  const runtime = set('XDG_RUNTIME_DIR');
  const config = set('XDG_CONFIG_HOME') ?? path.join(home, '.config');
  const files = [
    ...(named === undefined ? [] : [named]),
    docker,
    ...(runtime === undefined ? [] : [path.join(runtime, 'containers', 'auth.json')]),
    path.join(config, 'containers', 'auth.json'),
  ].map((file) => path.resolve(cwd, file));
  const text = set('DOCKER_AUTH_CONFIG');
  return {
    files,
    loginFile: path.resolve(cwd, named ?? docker),
    documents: text === undefined ? [] : [{ source: 'DOCKER_AUTH_CONFIG', text }],
  };
}
