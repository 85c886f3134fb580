import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, chown, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { clearStore, openStore } from '../../src/store/index.ts';
import { bytesOf, describeBytes, failsWith, fill, makeFolder } from './support.ts';

const TIMEOUT = { timeout: 30_000 };
const NOBODY = 65_534;

test('a store of a newer format is refused and left as it is', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'store');
  await (await openStore(path)).close();
  for (const content of ['{"kind":"longshore-store","version":2}', '{"version":1}', 'junk', '']) {
    await writeFile(join(path, 'longshore.json'), content);
    await assert.rejects(openStore(path), failsWith('ERR_STORE_VERSION', path));
    await assert.rejects(clearStore(path), failsWith('ERR_STORE_VERSION', path));
    assert.equal(await readFile(join(path, 'longshore.json'), 'utf8'), content);
  }
});

test('a directory that holds something else is refused and left as it is', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const layout = join(folder.path, 'layout');
  await mkdir(layout);
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(layout, 'index.json'), '{"schemaVersion":2,"manifests":[]}');
  await assert.rejects(openStore(layout), failsWith('ERR_NOT_A_STORE', layout));
  await assert.rejects(clearStore(layout), failsWith('ERR_NOT_A_STORE', layout));
  await assert.rejects(clearStore(join(folder.path, 'none')), failsWith('ERR_NOT_A_STORE'));
  assert.deepEqual((await readdir(layout)).sort(), ['index.json', 'oci-layout']);
  const missing = join(folder.path, 'missing');
  await assert.rejects(
    openStore(missing, { create: false }),
    failsWith('ERR_NOT_A_STORE', missing),
  );
  const file = join(folder.path, 'file');
  await writeFile(file, '');
  await assert.rejects(openStore(file), failsWith('ERR_STORE_WRITE', file));
  for (const place of [file, join(file, 'store')]) {
    await assert.rejects(openStore(place), { hint: /^A file is where a directory should be/ });
  }
});

test('many may make the same store at once', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'deep', 'store');
  const stores = await Promise.all(Array.from({ length: 8 }, () => openStore(path)));
  const bytes = bytesOf(1000, 'x');
  await fill(await stores[0]?.ingest(describeBytes(bytes)), bytes);
  for (const store of stores) assert.equal(await store.has(describeBytes(bytes)), true);
  await Promise.all(stores.map((store) => store.close()));
});

test('a store that may only be read is read, and says so when written', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'store');
  const store = await openStore(path);
  const blob = await store.put('text/plain', Buffer.from('shared'));
  await store.setReference('example.com/a:1', blob);
  await store.close();
  // The sources too, since a process of another user may not reach this checkout.
  await cp(join(import.meta.dirname, '../../src'), join(folder.path, 'src'), { recursive: true });
  const script = join(folder.path, 'reader.mjs');
  await writeFile(
    script,
    `import { openStore } from './src/store/index.ts';
     const store = await openStore(${JSON.stringify(path)});
     const blob = ${JSON.stringify(blob)};
     const other = { ...blob, digest: 'sha256:' + '0'.repeat(64) };
     const fails = (promise) => promise.then(() => 'no error', (error) => error.code + ' ' + error.message);
     const found = {
       has: await store.has(blob),
       text: String(await store.read(blob.digest, 100)),
       names: (await store.references()).map(({ name }) => name),
       ingest: await fails(store.ingest(other)),
       put: await fails(store.put('text/plain', Buffer.from('new'))),
       set: await fails(store.setReference('example.com/b:1', blob)),
     };
     await store.close();
     console.log(JSON.stringify(found));`,
  );
  const run = await asReader(folder.path, script);
  assert.equal(run.stderr, '');
  const found: Readonly<Record<string, unknown>> = JSON.parse(run.stdout);
  assert.equal(found['has'], true);
  assert.equal(found['text'], 'shared');
  assert.deepEqual(found['names'], ['example.com/a:1']);
  for (const verb of ['ingest', 'put', 'set']) {
    assert.match(String(found[verb]), /^ERR_STORE_NOT_WRITABLE .*permission denied/, verb);
  }
});

/** Runs a script as a user who may read the folder and not write to it: another one when we are root. */
async function asReader(path: string, script: string): Promise<{ stdout: string; stderr: string }> {
  await setModes(path, 0o555);
  const user = process.geteuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  try {
    const options = { encoding: 'utf8' as const, timeout: 20_000, cwd: path, ...user };
    return spawnSync(process.execPath, [script], options);
  } finally {
    await setModes(path, 0o755);
  }
}

async function setModes(path: string, mode: number): Promise<void> {
  await chmod(path, mode);
  await chown(path, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await setModes(join(path, entry.name), mode);
  }
}
