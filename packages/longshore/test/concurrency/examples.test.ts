import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.ts';

const BOUNDED = { timeout: 60_000 };
const examples = new URL('../../../../examples/', import.meta.url);

interface Program {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Starts an example in a process group of its own, as a shell does with what it starts. */
function start(name: string, flags: readonly string[]): Program {
  const path = fileURLToPath(new URL(name, examples));
  const child = spawn(process.execPath, [path, ...flags], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A test runner's own channel must not be taken for that of a worker.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return { child, output: () => output, ended };
}

async function waitFor(program: Program, line: RegExp): Promise<void> {
  while (!line.test(program.output())) {
    const before = program.output();
    await Promise.race([
      once(program.child.stdout ?? program.child, 'data'),
      program.ended.then(() => assert.fail(`ended before ${line}:\n${before}`)),
    ]);
  }
}

/** Ctrl-C in a terminal: to every process of the group. */
function interrupt(program: Program): void {
  process.kill(-(program.child.pid ?? 0), 'SIGINT');
}

/** No process of the group is left; the kernel may take a moment to say so. */
async function assertGroupIsGone(program: Program): Promise<void> {
  await until(() => {
    try {
      process.kill(-(program.child.pid ?? 0), 0);
      return false;
    } catch {
      return true;
    }
  });
}

test(
  'limited-readers: every message arrives, never more than three readers at once',
  BOUNDED,
  async () => {
    const program = start('limited-readers.ts', [
      '--writers',
      '4',
      '--max-write',
      '0.2',
      '--read-time',
      '0.1',
    ]);
    assert.deepEqual(await program.ended, { code: 0, signal: null }, program.output());
    for (const who of ['writer', 'reader']) {
      const lines = program.output().match(new RegExp(`^I am ${who} \\d: [\\d.]+$`, 'gm')) ?? [];
      assert.equal(new Set(lines.map((line) => line.split(':')[0])).size, 4, program.output());
    }
    const atMost = /4 messages, at most (\d) readers at once/.exec(program.output())?.[1];
    assert.ok(Number(atMost) >= 1 && Number(atMost) <= 3, program.output());
    await assertGroupIsGone(program);
  },
);

test('limited-readers: one Ctrl-C lets what runs finish', BOUNDED, async () => {
  const program = start('limited-readers.ts', [
    '--writers',
    '3',
    '--max-write',
    // A tenth of it at least: when the first speaks all three have begun, also on a slow machine.
    '3',
    '--read-time',
    '0.5',
  ]);
  await waitFor(program, /I am writer/);
  interrupt(program);
  const { code } = await program.ended;
  assert.equal(code, 130, program.output());
  assert.match(program.output(), /Interrupted: what runs is finished/);
  // Workers that had died of the signal would have said nothing more.
  assert.equal(program.output().match(/I am writer/g)?.length, 3, program.output());
  assert.doesNotMatch(program.output(), /ERR_|Error/);
  await assertGroupIsGone(program);
});

test('limited-readers: a second Ctrl-C ends it now', BOUNDED, async () => {
  const program = start('limited-readers.ts', [
    '--writers',
    '2',
    '--max-write',
    '0.1',
    '--read-time',
    '600',
  ]);
  await waitFor(program, /I am writer/);
  interrupt(program);
  await waitFor(program, /Interrupted:/);
  interrupt(program);
  const { code } = await program.ended;
  assert.equal(code, 130, program.output());
  assert.match(program.output(), /^Interrupted$/m);
  await assertGroupIsGone(program);
});

test(
  'worker-sweep: measures its own task, and any function of another module',
  BOUNDED,
  async () => {
    const few = ['--workers', '1,2', '--repeats', '1'];
    const own = start('worker-sweep.ts', [
      ...few,
      '--tasks',
      '4',
      '--wait',
      '1',
      '--bytes',
      '1000',
    ]);
    const fixture = fileURLToPath(new URL('./fixtures/tasks.ts', import.meta.url));
    const yours = start('worker-sweep.ts', [
      ...few,
      '--kind',
      'processes',
      '--module',
      fixture,
      '--export',
      'double',
      '--inputs',
      '[1,2,3]',
    ]);
    const help = start('worker-sweep.ts', ['--help']);
    for (const program of [own, yours]) {
      assert.deepEqual(await program.ended, { code: 0, signal: null }, program.output());
      assert.match(program.output(), /run 2 of 2/);
      assert.match(program.output(), /the fewest whose median is within 5% of the best/);
      await assertGroupIsGone(program);
    }
    assert.equal((await help.ended).code, 0);
    assert.match(help.output(), /--repeats N/);
  },
);
