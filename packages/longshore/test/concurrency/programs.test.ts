import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const BOUNDED = { timeout: 30_000 };
const room = new URL('../../src/concurrency/index.ts', import.meta.url).href;
const tasks = new URL('./fixtures/tasks.ts', import.meta.url).href;

/** Runs a small program and returns what it printed; one that does not end by itself fails. */
function run(source: string): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', source],
    { encoding: 'utf8', timeout: 20_000, env: { ...process.env, NODE_TEST_CONTEXT: undefined } },
  );
  assert.equal(status, 0, stdout + stderr);
  return stdout.trim();
}

for (const kind of ['threads', 'processes']) {
  test(`a program that forgets to close its pool of ${kind} ends all the same`, BOUNDED, () => {
    const printed = run(`
      import { createPool, task } from '${room}';
      const pool = createPool({ kind: '${kind}', width: 2 });
      console.log(await pool.map(task('${tasks}', 'double'), [1, 2]));
    `);
    assert.equal(printed, '[ 2, 4 ]');
  });
}

test('a listener that throws is an uncaught exception, and harms nothing else', BOUNDED, () => {
  const printed = run(`
    import { createLimiter, createPool, pipeline } from '${room}';
    const uncaught = [];
    process.on('uncaughtException', (error) => uncaught.push(error.message));
    const fail = (where) => () => { throw new Error(where); };
    const limiter = createLimiter({ name: 'x', width: 1, onChange: fail('limiter') });
    (await limiter.acquire()).release();
    const pool = createPool({ kind: 'inline', width: 1 });
    await pool.map((input) => input, [1], { onEvent: fail('pool') });
    const report = await pipeline([1], { onEvent: fail('pipeline') })
      .stage({ name: 's', width: 1, run: (input) => input })
      .run();
    setImmediate(() => console.log(limiter.active, report.ok, [...new Set(uncaught)].join()));
  `);
  assert.equal(printed, '0 true limiter,pool,pipeline');
});

test('terminating a pool whose tasks nobody awaits does not end the program', BOUNDED, () => {
  const printed = run(`
    import { createPool, task } from '${room}';
    const pool = createPool({ kind: 'threads', width: 1 });
    for (let at = 0; at < 3; at += 1) void pool.submit(task('${tasks}', 'hang'));
    await pool.terminate();
    console.log('on');
  `);
  assert.equal(printed, 'on');
});
