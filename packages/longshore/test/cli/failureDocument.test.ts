import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CommandContext } from '../../src/cli/commands/context.ts';
import { type FailureDocument, tellFailure } from '../../src/cli/failureDocument.ts';
import { schemas } from '../../src/cli/schemas/jsonSchema.ts';
import { LongshoreError } from '../../src/errors.ts';
import { cli, temporaryDirectory } from './support/cli.ts';
import { stage } from './support/stage.ts';

/** A folder with a specification that can be built, and a file where a store should be. */
async function site(t: TestContext): Promise<string> {
  const cwd = await temporaryDirectory(t);
  await writeFile(path.join(cwd, 'store'), '');
  await mkdir(path.join(cwd, 'app'));
  await writeFile(path.join(cwd, 'app/Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n');
  return cwd;
}

/** A host of which nothing is asked before the store is open. */
const REF = '127.0.0.1:1/app:1';
const BUILD = ['build', '-f', 'app', '--builder', 'assemble'];

test('a run that cannot start gives one document on stdout and in the report, and the rest is as ever', async (t) => {
  const cwd = await site(t);
  const runs: [schema: string, verb: string, argv: readonly string[]][] = [
    ['pull', 'pull', ['pull', REF]],
    ['push', 'push', ['push', REF]],
    ['push', 'copy', ['copy', REF, `${REF}0`]],
    ['build', 'build', BUILD],
  ];
  for (const [schema, verb, run] of runs) {
    const argv = [...run, '--store', 'store'];
    const plain = await cli(argv, { cwd });
    assert.equal(plain.exitCode, 3, plain.stderr);
    assert.equal(plain.stdout, '');
    const told = await cli([...argv, '--json', '--report', 'report.json'], { cwd });
    assert.equal(told.exitCode, 3);
    assert.equal(told.stderr, plain.stderr);
    assert.equal(await readFile(path.join(cwd, 'report.json'), 'utf8'), told.stdout);
    const document = JSON.parse(told.stdout);
    schemas.get(schema)?.parse(document);
    const { error, ...rest } = document;
    assert.deepEqual(rest, { verb, longshore: '1.2.3', outcome: 'failed' });
    assert.equal(error.code, 'ERR_STORE_WRITE');
    assert.equal(plain.stderr, `longshore: ${error.message}. ${error.hint}\n`);
  }
});

test('each is told without the other, and the report takes the place of an earlier one', async (t) => {
  const cwd = await site(t);
  const report = path.join(cwd, 'report.json');
  const argv = ['pull', REF, '--store', 'store'];
  const printed = await cli([...argv, '--json'], { cwd });
  assert.equal(JSON.parse(printed.stdout).outcome, 'failed');
  assert.deepEqual((await readdir(cwd)).sort(), ['app', 'store']);
  await writeFile(report, '{"outcome":"succeeded"}');
  const reported = await cli([...argv, '--report', report], { cwd });
  assert.equal(reported.stdout, '');
  assert.equal(JSON.parse(await readFile(report, 'utf8')).outcome, 'failed');
});

test('answers that could not be found give a document, too', async (t) => {
  const { host, cwd, store } = await stage(t);
  await writeFile(store, '');
  const asked: [schema: string, verb: string, argv: readonly string[]][] = [
    ['layers', 'layers', ['layers', `${host}/app/none:1`]],
    ['tune', 'tune', ['tune', 'push', REF, '--store', 'store']],
    ['tune', 'tune', ['tune', 'replay', 'store']],
  ];
  for (const [schema, verb, argv] of asked) {
    const { stdout, exitCode } = await cli([...argv, '--json'], { cwd });
    assert.notEqual(exitCode, 0);
    const document = JSON.parse(stdout);
    schemas.get(schema)?.parse(document);
    assert.equal(document.verb, verb);
    assert.match(document.error.code, /^ERR_/);
  }
});

test('an interruption before there is a result is cancelled', async (t) => {
  const cwd = await site(t);
  const signals = new EventEmitter();
  signals.once('newListener', () => process.nextTick(() => signals.emit('signal', 'SIGINT')));
  const argv = [...BUILD, '--store', 'new', '--json', '--report', 'report.json'];
  const { exitCode, stdout, stderr } = await cli(argv, { cwd, signals });
  assert.equal(exitCode, 130, stderr);
  assert.equal(stderr, 'longshore: interrupted\n');
  assert.equal(await readFile(path.join(cwd, 'report.json'), 'utf8'), stdout);
  const document = JSON.parse(stdout);
  schemas.get('build')?.parse(document);
  assert.equal(document.outcome, 'cancelled');
  assert.equal(document.error.code, 'ERR_INTERRUPTED');
});

test('a specification that cannot be read is told, a command line that is wrong is not', async (t) => {
  const cwd = await site(t);
  await writeFile(path.join(cwd, 'compose.yaml'), 'services: [\n');
  const report = ['--json', '--report', 'report.json'];
  const broken = await cli(['build', '-f', 'compose.yaml', ...report], { cwd });
  assert.equal(broken.exitCode, 2);
  assert.equal(JSON.parse(broken.stdout).error.code, 'ERR_SPEC_INVALID');
  const planned = await cli(['build', '-f', 'compose.yaml', '--dry-run', '--json'], { cwd });
  schemas.get('build-plan')?.parse(JSON.parse(planned.stdout));
  const mistakes = [
    ['pull', '--workers', 'many', REF],
    ['pull', '--platform', 'amiga', REF],
    ['pull', '--from', 'gone.txt'],
    ['pull', '--wokers', '3', REF],
    ['copy', REF, 'UPPER'],
    ['runs', 'resume', 'none', '--store', 'new'],
  ];
  for (const mistake of mistakes) {
    const { exitCode, stdout } = await cli([...mistake, ...report], { cwd });
    assert.equal(exitCode, 2, mistake.join(' '));
    assert.equal(stdout, '', mistake.join(' '));
  }
  assert.equal((await cli(['layers', 'UPPER', '--json'], { cwd })).stdout, '');
  assert.equal((await cli(['tune', 'pull', REF, '--widths', 'x', '--json'], { cwd })).stdout, '');
});

test('a report that cannot be written hides neither the error nor its exit code', {
  skip: process.platform !== 'linux' && 'there is no /dev/full',
}, async (t) => {
  const cwd = await site(t);
  const argv = ['pull', REF, '--store', 'store', '--json'];
  const plain = await cli(argv, { cwd });
  const full = await cli([...argv, '--report', '/dev/full'], { cwd });
  assert.equal(full.exitCode, 3);
  assert.equal(full.stdout, plain.stdout);
  assert.equal(
    full.stderr,
    `${plain.stderr}longshore: Cannot write the report /dev/full: ENOSPC\n`,
  );
});

test('what is out already is not given twice', async (t) => {
  const cwd = await temporaryDirectory(t);
  const error = new LongshoreError('Late', { code: 'ERR_LATE' });
  for (const given of [
    { printed: true, reported: true },
    { printed: true, reported: false },
    { printed: false, reported: true },
  ]) {
    const printed: string[] = [];
    const context = {
      settings: { json: true, report: `${given.reported}.json` },
      places: { cwd },
      host: { version: '1.2.3' },
      print: (text: string) => void printed.push(text),
      complain: (text: string) => assert.fail(text),
      given: { ...given },
    } as unknown as CommandContext;
    await tellFailure(context, { name: 'pull' }, error);
    assert.equal(printed.length, given.printed ? 0 : 1);
    assert.equal((await readdir(cwd)).includes('true.json'), false);
  }
  assert.deepEqual(await readdir(cwd), ['false.json']);
});

test('every schema of a document allows for a failure, but not for one without its reason', () => {
  const failure: FailureDocument = {
    verb: 'any',
    longshore: '1.2.3',
    outcome: 'failed',
    error: { code: 'ERR_ANY', message: 'Any' },
  };
  for (const [name, schema] of schemas) {
    // Events are lines, not documents.
    assert.equal(schema.safeParse(failure).success, name !== 'event', name);
    assert.equal(schema.safeParse({ ...failure, error: undefined }).success, false, name);
  }
});
