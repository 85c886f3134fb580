import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { CommandContext } from '../../src/cli/commands/context.ts';
import { prepareReports, writeReport, writeReports } from '../../src/cli/reportFile.ts';
import { writeTarFile } from '../../src/export/archive/file.ts';
import { cli, temporaryDirectory } from './support/cli.ts';

const ARCHIVES = new URL('../../src/export/archive/file.ts', import.meta.url).href;

const prepare = (cwd: string, settings: object): Promise<void> =>
  prepareReports({ settings, places: { cwd } } as CommandContext);

test('a report of an earlier run does not outlive one that could not start', async (t) => {
  const cwd = await temporaryDirectory(t);
  const report = path.join(cwd, 'report.json');
  await writeFile(report, '{"outcome":"succeeded"}');
  // A file where the store should be.
  await writeFile(path.join(cwd, 'store'), '');
  const argv = ['pull', '127.0.0.1:1/app:1', '--store', 'store', '--report', report];
  const { exitCode } = await cli(argv, { cwd });
  assert.equal(exitCode, 3);
  assert.equal(JSON.parse(await readFile(report, 'utf8')).outcome, 'failed');
});

test('what cannot be written keeps nothing else from being written, and a good run has failed by it', async (t) => {
  const cwd = await temporaryDirectory(t);
  const good = path.join(cwd, 'good.json');
  const told: string[] = [];
  const context = {
    settings: { report: 'gone/bad.json' },
    places: { cwd },
    complain: (line: string) => void told.push(line),
    given: { printed: true, reported: false },
  } as unknown as CommandContext;
  const outputs = { document: {}, more: [() => writeReport(good, { name: 'good.json' })] };
  assert.equal(await writeReports(context, 0, outputs), 1);
  assert.match(told.join(), /^longshore: Cannot write the report .*bad\.json: ENOENT\n$/);
  assert.deepEqual(JSON.parse(await readFile(good, 'utf8')), { name: 'good.json' });
  assert.equal(await writeReports(context, 130, outputs), 130);
});

test('a report goes to where a link leads, and the link stays', async (t) => {
  const cwd = await temporaryDirectory(t);
  const [link, place] = [path.join(cwd, 'latest.json'), path.join(cwd, 'report-7.json')];
  await writeFile(place, 'old');
  await symlink('report-7.json', link);
  await prepare(cwd, { report: link });
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
  await prepare(cwd, { report: link });
  await writeReport(link, [1]);
  await writeTarFile(link, [], { mode: 0o644 });
  await handle.close();
  const written = await readFile(file, 'utf8');
  assert.ok(written.startsWith('printed before\n[\n  1\n]\n\0'), written.slice(0, 30));
  assert.deepEqual((await readdir(cwd)).sort(), ['out.txt', 'stdout']);
  await prepare(cwd, { report: '/dev/null' });
  await writeReport('/dev/null', {});
});

test('a report takes the place of nothing that the command reads, nor of links that lead to each other', async (t) => {
  const cwd = await temporaryDirectory(t);
  await writeFile(path.join(cwd, 'list'), 'debian:12\n');
  await symlink('list', path.join(cwd, 'link'));
  await symlink('.', path.join(cwd, 'here'));
  const argv = ['pull', '--from', 'here/list', '--report', 'link'];
  const { exitCode, stderr } = await cli(argv, { cwd });
  assert.equal(exitCode, 2);
  assert.match(stderr, /--report: .*link is read by this command/);
  assert.equal(await readFile(path.join(cwd, 'list'), 'utf8'), 'debian:12\n');
  await symlink('b', path.join(cwd, 'a'));
  await symlink('a', path.join(cwd, 'b'));
  await assert.rejects(prepare(cwd, { report: 'a' }), /--report: .*a leads nowhere: ELOOP/);
  const looped = await cli(['pull', '--from', 'a', '--report', 'r.json'], { cwd });
  assert.match(looped.stderr, /^longshore: --from: cannot read a: ELOOP\n$/);
});

test('a link is followed from the folder that it is in', async (t) => {
  const cwd = await temporaryDirectory(t);
  await mkdir(path.join(cwd, 'real/deep'), { recursive: true });
  await symlink('real/deep', path.join(cwd, 'short'));
  await symlink('../up.json', path.join(cwd, 'real/deep/link'));
  await writeReport(path.join(cwd, 'short/link'), 1);
  assert.equal(await readFile(path.join(cwd, 'real/up.json'), 'utf8'), '1\n');
});

test('a reader that went away before the first byte is no reader to wait for', {
  timeout: 20_000,
}, async (t) => {
  const cwd = await temporaryDirectory(t);
  // As in `longshore ... | true`: the pipe of stdout has nobody at its other end any more.
  const program = `import { writeTarFile } from ${JSON.stringify(ARCHIVES)};
    await writeTarFile('/proc/self/fd/1', [], { mode: 0o644 }).catch((error) => { process.stderr.write(error.message); });`;
  await writeFile(path.join(cwd, 'program.ts'), program);
  const command = `sleep 0.3; exec "$0" program.ts`;
  const child = spawn('sh', ['-c', command, process.execPath], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  const told = await text(child.stderr);
  assert.match(told, /has gone before its end/);
});

test('a pipe that nobody reads holds nothing up that is stopped', {
  timeout: 10_000,
}, async (t) => {
  const cwd = await temporaryDirectory(t);
  const pipe = path.join(cwd, 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  await assert.rejects(writeTarFile(pipe, [], { mode: 0o644, signal: AbortSignal.timeout(200) }), {
    name: 'AbortError',
  });
  const stalled = await open(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const bytes = Buffer.alloc(4_000_000);
  const large = { path: 'large', size: bytes.length, open: () => [bytes].values() };
  const signal = AbortSignal.timeout(300);
  await assert.rejects(writeTarFile(pipe, [large as never], { mode: 0o644, signal }));
  await stalled.close();
});
