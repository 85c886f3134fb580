import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openJournal, readJournal } from '../../src/run/journal.ts';
import type { JournalLine } from '../../src/run/ledger.ts';

async function place(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-journal-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'events.jsonl');
}

const line = (target: string): JournalLine => ({ at: 1, target, to: 'building' });

test('keeps lines in the order in which they were given, many at once', async (t) => {
  const path = await place(t);
  const journal = await openJournal(path);
  const names = Array.from({ length: 200 }, (_, i) => `t${i}`);
  await Promise.all(names.map((name) => journal.write(line(name))));
  await journal.close();
  assert.deepEqual(await readJournal(path), names.map(line));
});

test('a line is on disk once its write has resolved', async (t) => {
  const path = await place(t);
  await using journal = await openJournal(path);
  await journal.write(line('a'));
  assert.equal(await readFile(path, 'utf8'), `${JSON.stringify(line('a'))}\n`);
});

test('passes over a last line that was cut off, and goes on behind the one before', async (t) => {
  const path = await place(t);
  await writeFile(path, `${JSON.stringify(line('a'))}\n{"at":2,"target":"b","to":"bui`);
  assert.deepEqual(await readJournal(path), [line('a')]);
  const journal = await openJournal(path);
  await journal.write(line('c'));
  await journal.close();
  assert.deepEqual(await readJournal(path), [line('a'), line('c')]);
});

test('says which line is damaged', async (t) => {
  const path = await place(t);
  await writeFile(path, `${JSON.stringify(line('a'))}\nnot json\n`);
  await appendFile(path, `${JSON.stringify(line('c'))}\n`);
  await assert.rejects(readJournal(path), { code: 'ERR_JOURNAL', message: /damaged in line 2$/ });
});

test('a journal that is not there has no lines', async (t) => {
  assert.deepEqual(await readJournal(await place(t)), []);
});

test('a journal that cannot be written fails every line from then on', async () => {
  await assert.rejects(openJournal('/proc/nowhere/events.jsonl'), { code: 'ERR_JOURNAL' });
  const journal = await openJournal('/dev/full');
  await assert.rejects(journal.write(line('a')), { code: 'ERR_JOURNAL', message: /ENOSPC/ });
  await assert.rejects(journal.write(line('b')), { code: 'ERR_JOURNAL' });
  await journal.close();
});
