// A registry with shaped connections, in a process of its own so that it and the puller each have a core.
// Run by itself as that process: `node bench/pull/shapedRegistry.ts FOLDER IMAGES`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  createRegistryServer,
  type Faults,
  type RegistryServer,
  seedImage,
} from '../../packages/longshore/src/serve/index.ts';
import { openStore } from '../../packages/longshore/src/store/index.ts';

/** Layer sizes in bytes by image name. */
export type Images = Readonly<Record<string, readonly number[]>>;

/** What the registry has counted since it was shaped last. */
export interface Counted {
  readonly requests: number;
  readonly refusals: number;
  /**
   * Those of them before no more bodies moved than a `crowd` rule lets in, which is what the client has
   * to come to; `undefined` where nothing was refused, or the rule is another one.
   */
  readonly refusalsUntilBelow?: number | undefined;
  /** Most bodies that moved at once; `undefined` where nobody tells. */
  readonly maxBodies: number | undefined;
}

export interface ShapedRegistry extends AsyncDisposable {
  readonly host: string;
  /** Puts other limits in force, from now on, and counts anew. */
  shape(faults: Faults): Promise<void>;
  counted(): Promise<Counted>;
}

/** How often the registry looks whether its client has come below what it lets in. */
const LOOK_MS = 5;

type Question = { readonly shape: Faults } | 'count';

export async function startShapedRegistry(folder: string, images: Images): Promise<ShapedRegistry> {
  const child = fork(import.meta.filename, [folder, JSON.stringify(images)], { stdio: 'inherit' });
  const [{ host }] = (await once(child, 'message')) as [{ host: string }];
  const ask = async (question: Question): Promise<Counted> => {
    child.send(question);
    const [counted] = (await once(child, 'message')) as [Counted];
    return counted;
  };
  return {
    host,
    async shape(faults) {
      await ask({ shape: faults });
    },
    counted: () => ask('count'),
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
  let refusalsUntilBelow: number | undefined;
  let watch: NodeJS.Timeout | undefined;
  cleanup.defer(() => clearInterval(watch));
  process.on('message', (question: Question) => {
    const { requestsByKind, maxBodies } = server.stats;
    const requests = Object.values(requestsByKind).reduce((sum, count) => sum + count, 0);
    const refusals = countRefusals(server);
    process.send?.({ requests, refusals, refusalsUntilBelow, maxBodies } satisfies Counted);
    if (question === 'count') return;
    server.faults = question.shape;
    server.stats.reset();
    refusalsUntilBelow = undefined;
    clearInterval(watch);
    const above = crowdOf(question.shape);
    if (above === undefined) return;
    watch = setInterval(() => {
      const refused = countRefusals(server);
      if (refused === 0 || server.stats.bodies > above) return;
      refusalsUntilBelow = refused;
      clearInterval(watch);
    }, LOOK_MS);
  });
  process.send?.({ host: server.host });
  await once(process, 'disconnect');
}

function countRefusals({ stats: { requestsByStatus } }: RegistryServer): number {
  return (requestsByStatus[429] ?? 0) + (requestsByStatus[503] ?? 0);
}

function crowdOf({ rules = [] }: Faults): number | undefined {
  return rules.findLast(({ crowd }) => crowd !== undefined)?.crowd?.above;
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
