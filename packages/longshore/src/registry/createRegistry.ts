import { setMaxListeners } from 'node:events';
import { openBlob } from './blobs.ts';
import { discardBody } from './body.ts';
import { createClient, type RegistryClient } from './client.ts';
import { createManifests } from './manifests.ts';
import { withMirrors } from './mirrors.ts';
import { type RegistryOptions, resolveOptions } from './options.ts';
import { createTransport } from './transport.ts';
import type { Registry } from './types.ts';
import { createUploads } from './uploads.ts';
import type { RegistryUploads } from './uploadTypes.ts';
import { withRetries } from './withRetries.ts';

/**
 * A client for all registries that a run talks to. It keeps connections, tokens and what it has
 * learned of each host until `close`, which cuts what is still open.
 *
 * @throws RangeError for times that are not positive
 * @throws LongshoreError `ERR_TLS_CONFIG` when certificates or keys cannot be read,
 * `ERR_PROXY_CONFIG` when the address of a proxy cannot be used
 */
export function createRegistry(options: RegistryOptions = {}): Registry & RegistryUploads {
  const resolved = resolveOptions(options);
  const transport = createTransport(resolved);
  const client = createClient(resolved, transport.exchange);
  const manifests = createManifests(client);

  const registry: Registry = {
    async resolve(reference, { signal, ...lookup } = {}) {
      return manifests.resolve(reference, { ...lookup, signal: shared(signal) });
    },
    async manifest(repository, descriptor, { signal, retry } = {}) {
      return manifests.manifest(repository, descriptor, { retry, signal: shared(signal) });
    },
    async openBlob(repository, descriptor, request = {}) {
      shared(request.signal);
      return openBlob(client, repository, descriptor, request);
    },
    ping: (host, { signal } = {}) => ping(client, host, shared(signal)),
    connectMs(server) {
      const isOrigin = server.includes('://');
      const base = { access: { registry: server }, path: '' };
      return transport.connectMs(isOrigin ? new URL(server) : client.urlOf(base));
    },
    close: () => transport.close(),
  };
  const { mirrors } = options;
  const mirrored =
    mirrors === undefined || mirrors.size === 0
      ? registry
      : withMirrors(registry, mirrors, resolved);
  // Mirrors follow what they mirror: pushes go past them.
  return { ...mirrored, ...createUploads(client, manifests) };
}

/** A run's one signal is listened to by every request; ten is where Node starts to warn. */
function shared(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal !== undefined) setMaxListeners(0, signal);
  return signal;
}

async function ping(
  client: RegistryClient,
  registry: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const call = {
    method: 'GET',
    kind: 'metadata',
    access: { registry },
    path: '',
    signal,
    what: 'access to its API',
  } as const;
  const context = { method: call.method, url: client.urlOf(call), signal };
  await withRetries(
    async () => discardBody(await client.send(call, [200])),
    client.options,
    context,
  );
}
