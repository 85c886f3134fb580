import assert from 'node:assert/strict';
import { open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { prepareReport, writeReport, writeReports } from '../../src/cli/reportFile.ts';
import { writeTarFile } from '../../src/export/archive/file.ts';
import { cli, temporaryDirectory } from './support/cli.ts';

test('a report of an earlier run does not outlive one that could not start', async (t) => {
  const cwd = await temporaryDirectory(t);
  const report = path.join(cwd, 'report.json');
  await writeFile(report, '{"outcome":"succeeded"}');
  // A file where the store should be.
  await writeFile(path.join(cwd, 'store'), '');
  const argv = ['pull', '127.0.0.1:1/app:1', '--store', 'store', '--report', report];
  const { exitCode } = await cli(argv, { cwd });
  assert.equal(exitCode, 3);
  assert.deepEqual(await readdir(cwd), ['store']);
});

test('what cannot be written keeps nothing else from being written, and a good run has failed by it', async (t) => {
  const cwd = await temporaryDirectory(t);
  const good = path.join(cwd, 'good.json');
  const writes = ['gone/bad.json', 'good.json'].map(
    (name) => () => writeReport(path.join(cwd, name), { name }),
  );
  const told: string[] = [];
  assert.equal(await writeReports(0, (text) => told.push(text), writes), 1);
  assert.match(told.join(), /^longshore: Cannot write the report .*bad\.json: ENOENT\n$/);
  assert.deepEqual(JSON.parse(await readFile(good, 'utf8')), { name: 'good.json' });
  assert.equal(await writeReports(130, () => undefined, writes), 130);
});

test('a report goes to where a link leads, and the link stays', async (t) => {
  const cwd = await temporaryDirectory(t);
  const [link, place] = [path.join(cwd, 'latest.json'), path.join(cwd, 'report-7.json')];
  await writeFile(place, 'old');
  await symlink('report-7.json', link);
  await prepareReport(link);
  assert.deepEqual(await readdir(cwd), ['latest.json']);
  await writeReport(link, { run: 7 });
  assert.deepEqual(JSON.parse(await readFile(place, 'utf8')), { run: 7 });
  assert.deepEqual((await readdir(cwd)).sort(), ['latest.json', 'report-7.json']);
});

test('what is open already is written to as it is, wherever it leads', async (t) => {
  const cwd = await temporaryDirectory(t);
  const file = path.join(cwd, 'out.txt');
  const handle = await open(file, 'w');
  const link = path.join(cwd, 'stdout');
  await symlink(`/proc/self/fd/${handle.fd}`, link);
  await handle.write('printed before\n');
  await prepareReport(link);
  await writeReport(link, [1]);
  await writeTarFile(link, [], { mode: 0o644 });
  await handle.close();
  const written = await readFile(file, 'utf8');
  assert.ok(written.startsWith('printed before\n[\n  1\n]\n\0'), written.slice(0, 30));
  assert.deepEqual((await readdir(cwd)).sort(), ['out.txt', 'stdout']);
  await prepareReport('/dev/null');
  await writeReport('/dev/null', {});
});
