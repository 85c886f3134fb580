// A run of builds that is killed at any moment, and taken up again: nothing is lost or built twice.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRegistryServer } from '../../src/serve/index.ts';
import { openStore } from '../../src/store/index.ts';
import { makeTempFolder } from './support/files.ts';
import { type Longshore, longshoreAt } from './support/longshore.ts';
import { randomFrom } from './support/random.ts';

/** `LONGSHORE_KILLS=50` is what issue 5 asks for; see `bench/results/build`. */
const KILLS = Number(process.env['LONGSHORE_KILLS'] ?? 6);
const IMAGES = 40;
/** Some kills come while it starts and reads, most while it builds and pushes. */
const EARLY_KILLS = 5;
const LONGEST_START_MS = 1000;
const LONGEST_WORK_MS = 2500;

test(`kill -9 at ${KILLS} random moments of ${IMAGES} images, each time taken up again`, {
  timeout: 60_000 + KILLS * 60_000,
}, async (context) => {
  const seed = process.env['LONGSHORE_TEST_SEED'] ?? String(Date.now() % 1_000_000);
  const random = randomFrom(Number(seed));
  context.diagnostic(`seed ${seed}; LONGSHORE_TEST_SEED repeats it`);
  await using folder = await makeTempFolder('interop');
  const spec = await writeImages(folder.path);
  const tally = { killed: 0, early: 0, builtBefore: 0 };
  let wanted: ReadonlyMap<string, string> | undefined;
  for (let trial = 0; trial <= KILLS; trial += 1) {
    const place = join(folder.path, `trial-${trial}`);
    const remote = await openStore(join(place, 'remote'));
    await using server = await createRegistryServer({ store: remote });
    const longshore = longshoreAt(place);
    const argv = ['build', '-f', spec, '--push', '--registry', `${server.host}/t`];
    const flags = ['--store', join(place, 'store'), '--progress', 'json'];
    // The first is left alone: what it makes is what all the others have to make.
    if (trial > 0) {
      const early = trial % EARLY_KILLS === 0;
      const moment = early
        ? { said: '', thenMs: random() * LONGEST_START_MS }
        : { said: '"to":"building"', thenMs: random() * LONGEST_WORK_MS };
      if (await wasKilled(longshore, moment, [...argv, ...flags])) tally.killed += 1;
      if (early) tally.early += 1;
    }
    const document = await finish(longshore, argv, flags);
    assert.equal(document.targets.length, IMAGES);
    assert.ok(document.targets.every(({ state }) => state === 'pushed' || state === 'unchanged'));
    tally.builtBefore += await checkJournal(join(place, 'store'), document.run);
    const found = await readNames(remote);
    assert.equal(found.size, IMAGES);
    wanted ??= found;
    assert.deepEqual(found, wanted, 'the same bytes as without a kill');
    await remote.close();
  }
  context.diagnostic(
    `${tally.killed} of ${KILLS} killed in time, ${tally.early} of them while it started; ${tally.builtBefore} images were built before a kill and none of them again`,
  );
  assert.ok(tally.killed > 0);
});

interface Document {
  readonly run: string;
  readonly targets: readonly { readonly name: string; readonly state: string }[];
}

/** One base and images on it, each with a little of its own. */
async function writeImages(folder: string): Promise<string> {
  const target: Record<string, unknown> = {};
  for (let i = 0; i < IMAGES; i += 1) {
    const name = i === 0 ? 'base' : `app${i}`;
    const context = join(folder, 'images', name);
    await mkdir(context, { recursive: true });
    await writeFile(join(context, 'own'), `${name} `.repeat(20_000));
    const from = i === 0 ? 'scratch' : 'base:1';
    await writeFile(join(context, 'Dockerfile'), `FROM ${from}\nCOPY own /${name}\n`);
    target[name] = { context, tags: [`${name}:1`] };
  }
  const group = { default: { targets: Object.keys(target) } };
  const file = join(folder, 'bake.json');
  await writeFile(file, JSON.stringify({ group, target }));
  return file;
}

/** False when it was done before it could be killed. */
async function wasKilled(
  longshore: Longshore,
  moment: { readonly said: string; readonly thenMs: number },
  argv: readonly string[],
): Promise<boolean> {
  try {
    await longshore.kill(moment, ...argv);
    return true;
  } catch {
    return false;
  }
}

/** Takes the run up; where it was killed before it had a plan, it is begun. */
async function finish(
  longshore: Longshore,
  argv: readonly string[],
  flags: readonly string[],
): Promise<Document> {
  const resumed = await longshore.run('runs', 'resume', '--json', ...flags);
  const { status, stdout, stderr } =
    resumed.status === 2 ? await longshore.run(...argv, '--json', ...flags) : resumed;
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Document;
}

/** @returns how many images had been built when it was taken up; none of them may be built again */
async function checkJournal(store: string, run: string): Promise<number> {
  const text = await readFile(join(store, 'runs', run, 'events.jsonl'), 'utf8');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const built = new Set<string>();
  let before = 0;
  for (const { run: mark, target, to } of lines) {
    if (mark === 'resumed') before = built.size;
    if (to === 'building') assert.ok(!built.has(target), `${target} was built twice`);
    if (to === 'queued') built.add(target);
  }
  return before;
}

async function readNames(remote: Awaited<ReturnType<typeof openStore>>) {
  const references = await remote.references();
  const names = new Map<string, string>();
  for (const { name, descriptor } of references) {
    if (name.includes('@')) continue;
    // Names hold the address of a registry that is another each time.
    names.set(name.slice(name.indexOf('/')), descriptor.digest);
  }
  return new Map([...names].toSorted(([a], [b]) => a.localeCompare(b)));
}
