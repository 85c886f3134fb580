// A registry with shaped connections, in a process of its own so that it and the puller each have a core.
// Run by itself as that process: `node bench/pull/shapedRegistry.ts FOLDER IMAGES`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  createRegistryServer,
  type Faults,
  seedImage,
} from '../../packages/longshore/src/serve/index.ts';
import { openStore } from '../../packages/longshore/src/store/index.ts';

/** Layer sizes in bytes by image name. */
export type Images = Readonly<Record<string, readonly number[]>>;

export interface ShapedRegistry extends AsyncDisposable {
  readonly host: string;
  /** Puts other limits in force, from now on. */
  shape(faults: Faults): Promise<void>;
}

export async function startShapedRegistry(folder: string, images: Images): Promise<ShapedRegistry> {
  const child = fork(import.meta.filename, [folder, JSON.stringify(images)], { stdio: 'inherit' });
  const [{ host }] = (await once(child, 'message')) as [{ host: string }];
  return {
    host,
    async shape(faults) {
      child.send(faults);
      await once(child, 'message');
    },
    async [Symbol.asyncDispose]() {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function serve(folder: string, images: Images): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const store = await openStore(folder);
  cleanup.defer(() => store.close());
  for (const [name, sizes] of Object.entries(images)) {
    const layers = sizes.map((size, i) => ({ size, seed: `${name} ${i}` }));
    await seedImage(store, { name: `localhost/${name}`, layers });
  }
  const server = cleanup.use(await createRegistryServer({ store }));
  process.on('message', (faults: Faults) => {
    server.faults = faults;
    server.stats.reset();
    process.send?.('shaped');
  });
  process.send?.({ host: server.host });
  await once(process, 'disconnect');
}

const [, , folder, images] = process.argv;
if (
  import.meta.main &&
  folder !== undefined &&
  images !== undefined &&
  process.send !== undefined
) {
  await serve(folder, JSON.parse(images) as Images);
}
