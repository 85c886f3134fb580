// Pulls several images into a store at once, from a registry that runs in this process, and shows
// that what they share is fetched once. Needs no network: `node --conditions=longshore-source
// examples/pullManyImages.ts` in a checkout; with the package installed the condition is not needed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry, openStore, pull } from 'longshore';
import { createRegistryServer, seedImage } from 'longshore/serve';

const folder = await mkdtemp(join(tmpdir(), 'longshore-example-'));
const theirs = await openStore(join(folder, 'theirs'));
const base = { size: 2_000_000, seed: 'base' };
for (const name of ['web', 'worker', 'tools']) {
  const own = { size: 500_000, seed: name };
  await seedImage(theirs, { name: `localhost/team/${name}:v1`, layers: [base, own] });
}
const server = await createRegistryServer({ store: theirs });

const ours = await openStore(join(folder, 'ours'));
const registry = createRegistry();
const references = ['web', 'worker', 'tools'].map((name) => `${server.host}/team/${name}:v1`);
const result = await pull(references, {
  store: ours,
  registry,
  platform: { os: 'linux', architecture: 'amd64' },
  workers: 4,
});
await registry.close();
await server.close();

for (const image of result.images) {
  console.log(`${image.state} ${image.reference} ${image.digest}`);
}
console.log(`${result.plan?.sharedBytes} bytes were not fetched, because the images share them`);
await ours.close();
await theirs.close();
await rm(folder, { recursive: true });
if (result.outcome !== 'succeeded' || (result.plan?.sharedBytes ?? 0) < 2 * base.size) {
  throw new Error('This example no longer shows what it says');
}
