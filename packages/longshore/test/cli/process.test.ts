// What only a process of its own can show: the bin, signals of the system, pipes that break.
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from './support/cli.ts';
import { stage } from './support/stage.ts';

const timeout = 60_000;
const BIN = fileURLToPath(new URL('../../bin/longshore.js', import.meta.url));

function start(
  t: TestContext,
  argv: readonly string[],
  home: string,
  through: readonly string[] = [],
): ChildProcessWithoutNullStreams {
  const [program = '', ...args] = [...through, process.execPath, BIN, ...argv];
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], HOME: home, TERM: 'dumb' },
    cwd: home,
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function finish(child: ChildProcessWithoutNullStreams) {
  const read = async (stream: NodeJS.ReadableStream): Promise<string> => {
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text;
  };
  const [stdout, stderr, [exitCode]] = await Promise.all([
    read(child.stdout),
    read(child.stderr),
    once(child, 'close'),
  ]);
  return { stdout, stderr, exitCode: exitCode as number | null };
}

test('the bin tells its version, alone and by way of the program', { timeout }, async (t) => {
  const home = await temporaryDirectory(t);
  const facts = JSON.parse(await readFile(path.join(BIN, '../../package.json'), 'utf8'));
  const quick = await finish(start(t, ['--version'], home));
  assert.deepEqual(quick, { stdout: `${facts.version}\n`, stderr: '', exitCode: 0 });
  const whole = await finish(start(t, ['--verbose', '--version'], home));
  assert.deepEqual(whole, quick);
});

test('a mistake in a process of its own is exit code 2', { timeout }, async (t) => {
  const home = await temporaryDirectory(t);
  const { exitCode, stderr } = await finish(start(t, ['pulll'], home));
  assert.equal(exitCode, 2);
  assert.equal(stderr, "longshore: unknown command 'pulll'; did you mean pull?\n");
});

test('a reader that goes away is no error', { timeout }, async (t) => {
  const home = await temporaryDirectory(t);
  const child = start(t, ['completion', 'fish'], home);
  child.stdout.destroy();
  const [exitCode] = await once(child, 'exit');
  assert.equal(exitCode, 0);
  let stderr = '';
  for await (const chunk of child.stderr) stderr += String(chunk);
  assert.equal(stderr, '');
});

test('no document gets into an archive on stdout, not even that of a failure', {
  timeout,
  skip: process.platform !== 'linux' && 'stdout has no name',
}, async (t) => {
  const home = await temporaryDirectory(t);
  await writeFile(path.join(home, 'store'), '');
  const argv = ['pull', '127.0.0.1:1/app:1', '--store', 'store', '--json'];
  const to = ['--to', 'docker-archive:/dev/stdout'];
  const { exitCode, stdout, stderr } = await finish(start(t, [...argv, ...to], home));
  assert.equal(exitCode, 3, stderr);
  assert.equal(stdout, '');
  assert.equal(JSON.parse(stderr.slice(stderr.indexOf('{'))).outcome, 'failed');
});

test('SIGINT, SIGTERM and SIGHUP end a pull with 130, and the next run finishes it', {
  timeout,
}, async (t) => {
  const faults = { bytesPerSecond: 20_000 };
  const { host, cwd, store, server } = await stage(t, { faults });
  const argv = ['pull', `${host}/app/one:1`, '--store', store, '--progress', 'json'];
  for (const signals of [['SIGTERM'], ['SIGHUP'], ['SIGINT', 'SIGINT']] as const) {
    const child = start(t, argv, cwd);
    let sent = 0;
    child.stderr.on('data', (chunk: Buffer) => {
      const text = chunk.toString();
      if (sent === 0 && text.includes('blob.started')) child.kill(signals[sent++]);
      else if (sent === 1 && text.includes('Interrupted')) child.kill(signals[sent++]);
    });
    const { exitCode, stderr, stdout } = await finish(child);
    assert.equal(exitCode, 130, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /To go on: longshore pull/);
  }
  server.faults = {};
  const { exitCode, stderr } = await finish(start(t, argv, cwd));
  assert.equal(exitCode, 0, stderr);
});

test('what is started to outlive its terminal does not end with it', {
  timeout,
  skip: process.platform !== 'linux' && 'there is no /proc',
}, async (t) => {
  const slow = { bytesPerSecond: 20_000 };
  const { host, cwd, server } = await stage(t);
  const scripts = ['nohup "$@" & echo $! >&2; wait $!', 'trap "" HUP; "$@" & echo $! >&2; wait $!'];
  for (const [i, script] of scripts.entries()) {
    server.faults = slow;
    const argv = ['pull', `${host}/app/one:1`, '--store', `store-${i}`, '--progress', 'json'];
    const child = start(t, argv, cwd, ['bash', '-c', script, 'bash']);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      const before = said;
      said += chunk.toString();
      if (before.includes('blob.started') || !said.includes('blob.started')) return;
      process.kill(Number(/^\d+$/m.exec(said)?.[0]), 'SIGHUP');
      server.faults = {};
    });
    const { exitCode, stderr, stdout } = await finish(child);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /app\/one:1 sha256:/);
  }
});
