import { createFlights } from '../../concurrency/index.ts';
import {
  type AuthConfig,
  helperFor,
  parseConfig,
  readConfigFile,
  storedCredential,
} from './configFile.ts';
import { type RunHelper, readHelperAnswer, runHelperProgram } from './helper.ts';
import { normaliseKey, serverKey } from './serverKeys.ts';
import type { Credential, CredentialAddress, CredentialStore } from './types.ts';

export interface DockerCredentialsOptions {
  /**
   * Files in the format of Docker's `config.json` or of `containers/auth.json`, best first; missing
   * ones are passed over. The first that has something for an address counts.
   */
  readonly files?: readonly string[] | undefined;
  /**
   * The same format as text, before all files: what `DOCKER_AUTH_CONFIG` holds.
   */
  readonly documents?: readonly { readonly source: string; readonly text: string }[] | undefined;
  /** Credentials given outright, by registry; they count before everything else. */
  readonly values?:
    | readonly { readonly registry: string; readonly credential: Credential }[]
    | undefined;
  /** Runs credential helpers. @defaultValue `docker-credential-NAME` from the `PATH` */
  readonly runHelper?: RunHelper | undefined;
  /** For one helper to answer. @defaultValue 60_000: some of them ask the user */
  readonly helperTimeoutMs?: number | undefined;
}

/**
 * The credentials that Docker and its kin have stored. Files are read once; a helper is run once
 * for a registry, one at a time (gcloud's locks its database: rules_img#394), and again only after
 * a registry has refused what it gave.
 */
export function dockerCredentials(options: DockerCredentialsOptions): CredentialStore {
  const { runHelper = runHelperProgram, helperTimeoutMs = 60_000 } = options;
  const values = new Map(
    options.values?.map(({ registry, credential }) => [normaliseKey(registry), credential]),
  );
  const answers = new Map<string, Credential | undefined>();
  const flights = createFlights<Credential | undefined>();
  const turns = new Map<string, Promise<unknown>>();
  let configs: Promise<readonly AuthConfig[]> | undefined;

  async function fromConfig(
    config: AuthConfig,
    address: CredentialAddress,
    { signal, refresh }: { signal: AbortSignal | undefined; refresh: boolean },
  ): Promise<Credential | undefined> {
    const helper = helperFor(config, address);
    if (helper === undefined) return storedCredential(config, address);
    const server = serverKey(address.registry);
    const key = JSON.stringify([helper, server]);
    if (!refresh && answers.has(key)) return answers.get(key) ?? storedCredential(config, address);
    const answer = await flights.join(
      key,
      async (shared) => {
        const found = await takeTurn(helper, () => ask(helper, server, shared));
        answers.set(key, found);
        return found;
      },
      signal,
    );
    return answer ?? storedCredential(config, address);
  }

  async function ask(
    helper: string,
    server: string,
    signal: AbortSignal,
  ): Promise<Credential | undefined> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(helperTimeoutMs)]);
    return readHelperAnswer(helper, await runHelper(helper, 'get', server, limited));
  }

  /** After all earlier calls of the same helper, however those ended. */
  function takeTurn<T>(helper: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(helper) ?? Promise.resolve()).then(work, work);
    turns.set(helper, turn);
    turn.catch(() => undefined);
    return turn;
  }

  return {
    async lookup(address, { signal, refresh = false } = {}) {
      const given = values.get(normaliseKey(address.registry));
      if (given !== undefined) return given;
      configs ??= readConfigs(options);
      for (const config of await configs) {
        const found = await fromConfig(config, address, { signal, refresh });
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

async function readConfigs({
  documents = [],
  files = [],
}: DockerCredentialsOptions): Promise<readonly AuthConfig[]> {
  const fromText = documents.map(({ source, text }) => parseConfig(text, source));
  const fromFiles = await Promise.all(files.map(readConfigFile));
  return [...fromText, ...fromFiles.filter((config) => config !== undefined)];
}
