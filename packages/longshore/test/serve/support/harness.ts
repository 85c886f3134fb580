import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
  type SeededImage,
  type SeedImageOptions,
  seedImage,
} from '../../../src/serve/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';

export interface Harness extends AsyncDisposable {
  readonly store: Store;
  readonly server: RegistryServer;
  readonly image: SeededImage;
}

export interface HarnessOptions extends Omit<RegistryServerOptions, 'store'> {
  readonly layers?: SeedImageOptions['layers'];
}

/** A server over a fresh store that holds `localhost/app:1`. */
export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const { layers = [{ size: 300_000 }, { size: 1000 }], ...rest } = options;
  const store = await openStore(await mkdtemp(join(tmpdir(), 'longshore-serve-')));
  const image = await seedImage(store, { name: 'localhost/app:1', layers });
  const server = await createRegistryServer({ store, ...rest });
  return {
    store,
    server,
    image,
    async [Symbol.asyncDispose]() {
      await server.close();
      await store.close();
      await rm(store.path, { recursive: true, force: true });
    },
  };
}
