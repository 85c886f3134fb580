import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry, type RegistryOptions } from '../../../src/registry/index.ts';
import {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
  type SeededImage,
  type SeedImageOptions,
  seedImage,
} from '../../../src/serve/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import {
  type ImageToPush,
  type PushOptions,
  type PushResult,
  push,
  type TransferEvent,
} from '../../../src/transfer/index.ts';

/** A store with images, an empty registry, and everything that has to be closed in the end. */
export interface Quay extends AsyncDisposable {
  readonly store: Store;
  /** What the registry holds. */
  readonly remote: Store;
  readonly server: RegistryServer;
  readonly events: TransferEvent[];
  seed(name: string, options: Omit<SeedImageOptions, 'name'>): Promise<SeededImage>;
  /** Pushes `localhost/NAME` of the store to NAME at the server; `A=B` names another. */
  push(names: readonly string[], options?: Partial<PushOptions>): Promise<PushResult>;
}

const QUICK: RegistryOptions = { retry: { baseDelayMs: 5, maxDelayMs: 20 } };

export async function quay(
  options: Partial<RegistryServerOptions> & { readonly registry?: RegistryOptions } = {},
): Promise<Quay> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-push-'));
  const store = await openStore(join(folder, 'store'));
  const remote = await openStore(join(folder, 'remote'));
  const { registry: registryOptions, ...serverOptions } = options;
  const server = await createRegistryServer({ ...serverOptions, store: remote });
  const registry = createRegistry({ ...QUICK, ...registryOptions });
  const events: TransferEvent[] = [];
  const imageOf = (name: string): ImageToPush => {
    const [source = '', destination = source] = name.split('=');
    return { source: `localhost/${source}`, destination: `${server.host}/${destination}` };
  };
  return {
    store,
    remote,
    server,
    events,
    seed: (name, more) => seedImage(store, { name: `localhost/${name}`, ...more }),
    async push(names, more) {
      const result = await push(names.map(imageOf), {
        store,
        registry,
        pushers: 4,
        onEvent: (event) => events.push(event),
        random: () => 0,
        ...more,
      });
      await server.idle();
      return result;
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await server.close();
      await store.close();
      await remote.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function countOf(
  { server }: Pick<Quay, 'server'>,
  method: string,
  url: RegExp,
  status?: number,
): number {
  return server.stats.log.filter(
    (record) =>
      record.method === method &&
      url.test(record.url) &&
      (status === undefined || record.status === status),
  ).length;
}
