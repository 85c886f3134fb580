import path from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where things are on this machine, by the XDG base directory specification. */
export interface Places {
  readonly cwd: string;
  readonly home: string;
  /** Default of `--store`. */
  readonly store: string;
  /** What runs have found out about hosts; the next run starts from it. */
  readonly hostMemory: string;
  /** What runs have found out about registries that bear few uploads. */
  readonly registryMemory: string;
  /** Default of `--squashfs-dir`. */
  readonly squashfs: string;
  /** Where Apptainer keeps its cache. */
  readonly apptainerCache: string;
  /** Usual places of the settings file; the first that is there counts. */
  readonly settingsFiles: readonly string[];
}

/** @param home the home directory for when `HOME` is not set */
export function findPlaces(env: Environment, cwd: string, home: string): Places {
  const ownHome = absolute(env['HOME']) ?? home;
  const data = absolute(env['XDG_DATA_HOME']) ?? path.join(ownHome, '.local', 'share');
  const state = absolute(env['XDG_STATE_HOME']) ?? path.join(ownHome, '.local', 'state');
  const cache = absolute(env['XDG_CACHE_HOME']) ?? path.join(ownHome, '.cache');
  const config = absolute(env['XDG_CONFIG_HOME']) ?? path.join(ownHome, '.config');
  return {
    cwd,
    home: ownHome,
    store: path.join(data, 'longshore'),
    hostMemory: path.join(state, 'longshore', 'hosts.json'),
    registryMemory: path.join(state, 'longshore', 'registries.json'),
    squashfs: path.join(cache, 'longshore', 'squashfs'),
    apptainerCache: path.join(
      absolute(env['APPTAINER_CACHEDIR']) ?? path.join(ownHome, '.apptainer'),
      'cache',
    ),
    settingsFiles: [
      path.join(cwd, 'longshore.yaml'),
      path.join(config, 'longshore', 'longshore.yaml'),
    ],
  };
}

/** The specification has relative paths in these variables ignored. */
function absolute(value: string | undefined): string | undefined {
  return value !== undefined && path.isAbsolute(value) ? value : undefined;
}
