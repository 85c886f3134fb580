import path from 'node:path';
import type { TestContext } from 'node:test';
import {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
  type SeededImage,
  seedImage,
} from '../../../src/serve/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { temporaryDirectory } from './cli.ts';

export interface Stage {
  readonly host: string;
  readonly server: RegistryServer;
  readonly cwd: string;
  readonly store: string;
  readonly one: SeededImage;
  readonly two: SeededImage;
}

/** A registry on loopback with two images that share their first layer. */
export async function stage(
  t: TestContext,
  options: Partial<RegistryServerOptions> = {},
): Promise<Stage> {
  const closing = new AsyncDisposableStack();
  const cwd = await temporaryDirectory(t, () => closing.disposeAsync());
  const source = await openStore(path.join(cwd, 'source'));
  const shared = { size: 200_000, seed: 'shared' };
  const one = await seedImage(source, {
    name: 'localhost/app/one:1',
    layers: [shared, { size: 50_000, seed: 'one' }],
  });
  const two = await seedImage(source, {
    name: 'localhost/app/two:1',
    layers: [shared, { size: 70_000, seed: 'two' }],
  });
  const server = await createRegistryServer({ store: source, ...options });
  closing.defer(() => source.close());
  closing.defer(() => server.close());
  return { host: server.host, server, cwd, store: path.join(cwd, 'store'), one, two };
}
