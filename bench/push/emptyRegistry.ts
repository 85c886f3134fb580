// An empty registry that bears few uploads, in a process of its own so that it and the pusher each have a core.
// Run by itself as that process: `node bench/push/emptyRegistry.ts FOLDER FAULTS`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRegistryServer, type Faults } from '../../packages/longshore/src/serve/index.ts';
import { openStore } from '../../packages/longshore/src/store/index.ts';

export interface EmptyRegistry extends AsyncDisposable {
  readonly host: string;
  /** Digests of all names that it holds by now. */
  held(): Promise<Readonly<Record<string, string>>>;
}

export async function startEmptyRegistry(folder: string, faults: Faults): Promise<EmptyRegistry> {
  const child = fork(import.meta.filename, [folder, JSON.stringify(faults)], { stdio: 'inherit' });
  const [{ host }] = (await once(child, 'message')) as [{ host: string }];
  return {
    host,
    async held() {
      child.send('held');
      const [held] = (await once(child, 'message')) as [Record<string, string>];
      return held;
    },
    async [Symbol.asyncDispose]() {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function serve(folder: string, faults: Faults): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const store = await openStore(folder);
  cleanup.defer(() => store.close());
  const server = cleanup.use(await createRegistryServer({ store, faults }));
  process.on('message', () => {
    void store.references().then((references) => {
      const entries = references.map(({ name, descriptor }) => [name, descriptor.digest]);
      process.send?.(Object.fromEntries(entries));
    });
  });
  process.send?.({ host: server.host });
  await once(process, 'disconnect');
}

const [, , folder, faults] = process.argv;
if (
  import.meta.main &&
  folder !== undefined &&
  faults !== undefined &&
  process.send !== undefined
) {
  await serve(folder, JSON.parse(faults) as Faults);
}
