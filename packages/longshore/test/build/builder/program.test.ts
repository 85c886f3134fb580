import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { kill } from '../../../src/build/builder/descendants.ts';
import { type ProgramRun, runProgram } from '../../../src/build/builder/program.ts';

function shell(script: string, run: Partial<ProgramRun> = {}): ReturnType<typeof runProgram> {
  return runProgram({
    path: '/bin/sh',
    args: ['-c', script],
    env: { PATH: process.env['PATH'] },
    onLine: () => {},
    signal: new AbortController().signal,
    ...run,
  });
}

describe('a program of a builder', () => {
  it('gives its lines, without colours, and how it ended', { timeout: 10_000 }, async () => {
    const lines: string[] = [];
    const script = 'printf "\\033[31mred\\033[0m\\r\\nlong"; echo er >&2; printf " line"; exit 3';
    const end = await shell(script, { onLine: (line, stream) => lines.push(`${stream}: ${line}`) });
    assert.deepEqual(end, { kind: 'exit', code: 3 });
    assert.deepEqual(lines.sort(), ['stderr: er', 'stdout: long line', 'stdout: red']);
  });

  it('is told apart from one that was killed', { timeout: 10_000 }, async () => {
    assert.deepEqual(await shell('kill -9 $$'), { kind: 'signal', signal: 'SIGKILL' });
  });

  it('sees the environment that it is given, and no other', { timeout: 10_000 }, async () => {
    const lines: string[] = [];
    const onLine = (line: string): void => void lines.push(line);
    await shell('echo "${OWN}-${HOME-none}"', { env: { OWN: 'yes' }, onLine });
    assert.deepEqual(lines, ['yes-none']);
  });

  it('is ended with all that it started, also what ignores SIGTERM in a session of its own', {
    timeout: 20_000,
  }, async () => {
    const caller = new AbortController();
    const reason = new Error('enough');
    const pids: number[] = [];
    const script = `
trap '' TERM
setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' &
echo $$
while :; do sleep 1; done`;
    const running = shell(script, {
      signal: caller.signal,
      graceMs: 200,
      onLine: (line) => {
        pids.push(Number(line));
        if (pids.length === 2) caller.abort(reason);
      },
    });
    await assert.rejects(running, reason);
    assert.equal(pids.length, 2);
    for (const pid of pids) assert.equal(isRunning(pid), false, `${pid} still runs`);
  });
});

/** A process that has ended and that nobody waited for yet is gone all the same. */
function isRunning(pid: number): boolean {
  if (!kill(pid, 'SIGCONT')) return false;
  const [, state] = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  return state !== 'Z';
}
