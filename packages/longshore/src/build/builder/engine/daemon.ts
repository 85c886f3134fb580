import { join } from 'node:path';
import { dockerCredentials } from '../../../registry/index.ts';
import { builderGone } from '../failure.ts';
import { isObject, type JsonObject } from '../json.ts';
import type { Environment } from '../options.ts';
import type { EngineAnswer, EngineClient } from './client.ts';
import { configFolder } from './endpoint.ts';

/** Registry credentials as the engine takes them in headers. */
export interface EngineAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

export interface EngineVersion {
  readonly version: string;
  /** It is Docker's own, of 20.10 or later: the oldest whose BuildKit was tried. */
  readonly hasBuildKit: boolean;
}

/** What a build asks of an engine besides the build itself: images by name, containers by number. */
export class Daemon {
  readonly #client: EngineClient;

  constructor(client: EngineClient) {
    this.#client = client;
  }

  /** @throws LongshoreError `ERR_BUILDER_GONE` when nobody answers */
  async version(signal: AbortSignal): Promise<EngineVersion> {
    const { object } = await this.#client.ask({ method: 'GET', path: '/version', signal });
    const { Version: version, ApiVersion: api, Os: os } = object;
    if (typeof version !== 'string') {
      throw builderGone(`What answers at ${this.#client.address}`, 'is no Docker Engine');
    }
    const [, minor = '0'] = /^1\.(\d+)$/.exec(String(api)) ?? [];
    return { version, hasBuildKit: isDockers(object) && os === 'linux' && Number(minor) >= 41 };
  }

  /** Whether it has the network that builds get which name none. */
  async hasBridge(signal: AbortSignal): Promise<boolean> {
    const { status } = await this.#client.ask({ method: 'GET', path: '/networks/bridge', signal });
    return status !== 404;
  }

  async usesContainerdStore(signal: AbortSignal): Promise<boolean> {
    const { object } = await this.#client.ask({ method: 'GET', path: '/info', signal });
    return JSON.stringify(object['DriverStatus'] ?? '').includes('io.containerd.snapshotter');
  }

  /** Makes the engine ask a registry for something; what it answers is not of interest. */
  async askRegistry(reference: string, auth: EngineAuth, signal: AbortSignal): Promise<void> {
    const headers = { 'x-registry-auth': encode(auth) };
    await this.#client.ask({
      method: 'GET',
      path: `/distribution/${reference}/json`,
      headers,
      signal,
    });
  }

  async pull(reference: string, auth: EngineAuth, signal: AbortSignal): Promise<void> {
    const { name, tag } = splitTag(reference);
    const answer = await this.#client.call({
      method: 'POST',
      path: '/images/create',
      query: { fromImage: name, tag },
      headers: { 'x-registry-auth': encode(auth) },
      signal,
    });
    await this.#finish(answer, `could not take in a base`, signal);
  }

  async push(reference: string, auth: EngineAuth, signal: AbortSignal): Promise<void> {
    const { name, tag } = splitTag(reference);
    const answer = await this.#client.call({
      method: 'POST',
      path: `/images/${name}/push`,
      query: { tag },
      headers: { 'x-registry-auth': encode(auth) },
      signal,
    });
    await this.#finish(answer, `could not hand over the image`, signal);
  }

  async tag(image: string, reference: string, signal: AbortSignal): Promise<void> {
    const { name, tag } = splitTag(reference);
    await this.#client.ask({
      method: 'POST',
      path: `/images/${image}/tag`,
      query: { repo: name, tag },
      signal,
    });
  }

  /** Takes a name away. Layers that others or the cache build upon stay. */
  async untag(reference: string, signal: AbortSignal): Promise<void> {
    const query = { noprune: '1' };
    await this.#client.ask({ method: 'DELETE', path: `/images/${reference}`, query, signal });
  }

  /** Ends a container and waits until it is gone. */
  async removeContainer(id: string, signal: AbortSignal): Promise<void> {
    const path = `/containers/${id}`;
    // The builder itself may be removing it: the engine then answers 409 at once.
    for (let status = 0; status !== 404; ) {
      ({ status } = await this.#client.ask({
        method: 'DELETE',
        path,
        query: { force: '1', v: '1' },
        signal,
      }));
    }
  }

  async #finish(answer: EngineAnswer, what: string, signal: AbortSignal): Promise<void> {
    let failure = answer.status < 400 ? undefined : `it answered ${answer.status}`;
    for await (const message of this.#client.messages(answer, signal)) {
      failure = failureOf(message) ?? failure;
    }
    if (failure === undefined) return;
    throw builderGone(`The Docker Engine at ${this.#client.address}`, `${what}: ${failure}`);
  }
}

/** What an error message of the engine says, in a stream or as a whole answer. */
export function failureOf(message: JsonObject): string | undefined {
  const { error, message: text } = message;
  if (typeof error === 'string') return error;
  return typeof text === 'string' ? text : undefined;
}

/** The `X-Registry-Config` header: credentials for base images, by registry. */
export async function registryConfig(
  registries: readonly string[],
  environment: Environment,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const store = dockerCredentials({ files: [join(configFolder(environment), 'config.json')] });
  const found: Record<string, object> = {};
  for (const registry of registries) {
    const credential = await store.lookup({ registry }, { signal });
    const key = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
    if (credential?.kind === 'basic') {
      const { username, password } = credential;
      found[key] = { username, password, serveraddress: key };
    } else if (credential !== undefined) {
      const name = credential.kind === 'identityToken' ? 'identitytoken' : 'registrytoken';
      found[key] = { [name]: credential.token, serveraddress: key };
    }
  }
  return Object.keys(found).length === 0 ? {} : { 'x-registry-config': encode(found) };
}

/** Podman answers too, and takes no notice of which builder is asked for. */
function isDockers({ Components: parts }: JsonObject): boolean {
  return Array.isArray(parts) && parts.some((part) => isObject(part) && part['Name'] === 'Engine');
}

function encode(value: object): string {
  // Go's URL encoding wants the padding that Node's leaves out.
  const text = Buffer.from(JSON.stringify(value)).toString('base64');
  return text.replaceAll('+', '-').replaceAll('/', '_');
}

function splitTag(reference: string): { readonly name: string; readonly tag: string } {
  const colon = reference.lastIndexOf(':');
  if (colon <= reference.lastIndexOf('/')) return { name: reference, tag: 'latest' };
  return { name: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}
