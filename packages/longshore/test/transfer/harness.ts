import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry, type Registry, type RegistryOptions } from '../../src/registry/index.ts';
import {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
  type SeededImage,
  type SeedImageOptions,
  seedImage,
} from '../../src/serve/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import {
  type PullOptions,
  type PullResult,
  pull,
  type TransferEvent,
} from '../../src/transfer/index.ts';

/** Fast pauses: what is tested is that there is another try, not how long it waits. */
const QUICK: RegistryOptions = { retry: { baseDelayMs: 5, maxDelayMs: 20 }, stallTimeoutMs: 400 };

/** A registry with content, an empty store, and everything that has to be closed in the end. */
export interface Harbour extends AsyncDisposable {
  readonly folder: string;
  readonly server: RegistryServer;
  readonly source: Store;
  readonly store: Store;
  readonly events: TransferEvent[];
  seed(name: string, options: Omit<SeedImageOptions, 'name'>): Promise<SeededImage>;
  /** `app:1` as the server is addressed. */
  at(name: string): string;
  pull(names: readonly string[], options?: Partial<PullOptions>): Promise<PullResult>;
  client(options?: RegistryOptions): Registry;
}

export async function harbour(
  options: Partial<RegistryServerOptions> & { readonly registry?: RegistryOptions } = {},
): Promise<Harbour> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-transfer-'));
  const source = await openStore(join(folder, 'source'));
  const store = await openStore(join(folder, 'store'));
  const { registry: registryOptions, ...serverOptions } = options;
  const server = await createRegistryServer({ ...serverOptions, store: source });
  const events: TransferEvent[] = [];
  const clients: Registry[] = [];
  const client = (more: RegistryOptions = {}): Registry => {
    const made = createRegistry({ ...QUICK, ...registryOptions, ...more });
    clients.push(made);
    return made;
  };
  return {
    folder,
    server,
    source,
    store,
    events,
    client,
    seed: (name, more) => seedImage(source, { name: `localhost/${name}`, ...more }),
    at: (name) => `${server.host}/${name}`,
    async pull(names, more) {
      const result = await pull(
        names.map((name) => (name.startsWith('!') ? name.slice(1) : `${server.host}/${name}`)),
        {
          store,
          registry: client(),
          platform: { os: 'linux', architecture: 'amd64' },
          workers: 4,
          onEvent: (event) => events.push(event),
          random: () => 0,
          ...more,
        },
      );
      // What the server counts is complete once it has noticed that its answers have ended.
      await server.idle();
      return result;
    },
    async [Symbol.asyncDispose]() {
      for (const made of clients) await made.close();
      await server.close();
      await source.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function eventsOf<T extends TransferEvent['type']>(
  events: readonly TransferEvent[],
  type: T,
): Extract<TransferEvent, { type: T }>[] {
  return events.filter(
    (event): event is Extract<TransferEvent, { type: T }> => event.type === type,
  );
}
