import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openCeilingMemory } from '../../../src/transfer/index.ts';
import { quay } from './harness.ts';

const MINUTE_MS = 60_000;

async function memoryFile(t: { after: (work: () => Promise<void>) => void }): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'longshore-memory-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, 'state', 'registries.json');
}

test('a ceiling holds for its time, is known for a day, and is then forgotten', async (t) => {
  const file = await memoryFile(t);
  const at = (minutes: number) => openCeilingMemory(file, () => minutes * MINUTE_MS);
  await (await at(0)).remember([['hub.test', { width: 3, forMs: 2 * MINUTE_MS, events: 2 }]]);
  assert.deepEqual((await at(1)).recall('hub.test'), { width: 3, forMs: MINUTE_MS, events: 2 });
  assert.deepEqual((await at(60)).recall('hub.test'), { width: 3, forMs: 0, events: 2 });
  assert.equal((await at(24 * 60 + 1)).recall('hub.test'), undefined);
  assert.equal((await at(1)).recall('other.test'), undefined);
});

test('a file that is damaged, or cannot be written, is no memory and no error', async (t) => {
  const file = await memoryFile(t);
  const ceiling = ['hub.test', { width: 3, forMs: 1000, events: 1 }] as const;
  await (await openCeilingMemory(path.join('/dev/null', 'x'))).remember([ceiling]);
  await (await openCeilingMemory(file)).remember([ceiling]);
  const kept = await readFile(file, 'utf8');
  for (const text of ['', '[', '[]', kept.replace('3', '0'), kept.replace('3', '"3"')]) {
    await writeFile(file, text);
    assert.equal((await openCeilingMemory(file)).recall('hub.test'), undefined, text);
  }
});

test('what one run finds out, the next one keeps to', { timeout: 30_000 }, async (t) => {
  const file = await memoryFile(t);
  await using port = await quay();
  const names = Array.from({ length: 12 }, (_, i) => `app${i}:1`);
  for (const name of names) {
    await port.seed(name, { layers: [{ size: 300_000, seed: name }] });
  }
  const uploads = { kind: 'upload', method: 'PUT' } as const;
  port.server.faults = {
    rules: [{ on: uploads, bytesPerSecond: 3_000_000, crowd: { above: 1, effect: 429 } }],
    retryAfter: '0.01',
  };
  const refusals = (): number => port.server.stats.requestsByStatus[429] ?? 0;
  await port.push(names.slice(0, 6), { pushers: 'auto', memory: await openCeilingMemory(file) });
  assert.ok(refusals() > 0);
  port.server.stats.reset();
  const result = await port.push(names, { pushers: 'auto', memory: await openCeilingMemory(file) });
  assert.equal(result.outcome, 'succeeded');
  assert.equal(refusals(), 0);
});
