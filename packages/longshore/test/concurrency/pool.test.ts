import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  createPool,
  type MapEvent,
  type Pool,
  type PoolKind,
  task,
} from '../../src/concurrency/index.ts';
import type * as tasks from './fixtures/tasks.ts';

const BOUNDED = { timeout: 20_000 };
const KINDS: readonly PoolKind[] = ['inline', 'threads', 'processes'];
const module = new URL('./fixtures/tasks.ts', import.meta.url);
const double = task<typeof tasks.double>(module, 'double');
const fail = task<typeof tasks.fail>(module, 'fail');
const hang = task<() => Promise<never>>(module, 'hang');
const pause = task<typeof tasks.pause>(module, 'pause');
const untilAborted = task<typeof tasks.untilAborted>(module, 'untilAborted');
const reportThrice = task<typeof tasks.reportThrice>(module, 'reportThrice');

for (const kind of KINDS) {
  describe(`a pool of ${kind}`, () => {
    // Starting workers is what most of these tests would spend their time on.
    let shared: Pool;
    before(() => {
      shared = createPool({ kind, width: 1, timeoutMs: 10_000 });
    });
    after(() => shared.close());
    test('maps in the order of the inputs, whatever ends first', BOUNDED, async () => {
      await using pool = createPool({ kind, width: 2 });
      const inputs = [30, 1, 10, 1].map((ms, value) => ({ ms, value }));
      assert.deepEqual(await pool.map(pause, inputs), [0, 1, 2, 3]);
      assert.ok((pool.runtimeMs ?? 0) >= 20);
      assert.deepEqual(await pool.map(pause, []), []);
      assert.equal(pool.active, 0);
    });

    test(
      'submit promises each result; an error has its own name, code, cause and stack',
      BOUNDED,
      async () => {
        await using pool = createPool({ kind, width: 2 });
        const [value, error] = await Promise.all([
          pool.submit(double, 21),
          pool.submit(fail, 'too far').catch((thrown: unknown) => thrown),
        ]);
        assert.equal(value, 42);
        assert.ok(error instanceof Error);
        assert.equal(error.name, 'RangeError');
        assert.equal(error.message, 'too far');
        assert.ok('code' in error && error.code === 'E_FIXTURE');
        assert.match(error.stack ?? '', /tasks\.ts/);
        assert.ok(error.cause instanceof Error && error.cause.message === 'below');
      },
    );

    test('progress and the course of each task come out of map', BOUNDED, async () => {
      const events: MapEvent[] = [];
      await shared.map(reportThrice, [7], { onEvent: (event) => events.push(event) });
      assert.deepEqual(
        events.map(({ type }) => type),
        ['started', 'progress', 'progress', 'progress', 'finished'],
      );
      assert.deepEqual(events[1], { type: 'progress', index: 0, data: { step: 1, worker: 1 } });
    });

    test('map fails with its first error, mapSettled goes on', BOUNDED, async () => {
      const started: number[] = [];
      const messages = Array.from({ length: 50 }, (_, at) => `no. ${at}`);
      const map = shared.map(fail, messages, {
        onEvent: (event) => event.type === 'started' && started.push(event.index),
      });
      await assert.rejects(map, { message: 'no. 0' });
      assert.ok(started.length <= 2);
      const settled = await shared.mapSettled(fail, messages);
      assert.deepEqual(
        settled.map((outcome) => outcome.status === 'rejected' && String(outcome.reason)),
        messages.map((message) => `RangeError: ${message}`),
      );
    });

    test('an abort stops a map, and tells the task that runs', BOUNDED, async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      const map = shared.map(untilAborted, [undefined, undefined], {
        signal: controller.signal,
        onEvent: (event) => event.type === 'progress' && controller.abort(reason),
      });
      await assert.rejects(map, reason);
      await assert.rejects(shared.submit(double, 1, { signal: controller.signal }), reason);
      assert.equal(await shared.submit(double, 4), 8);
    });

    test('a task whose time is up rejects and makes room', BOUNDED, async () => {
      await using pool = createPool({ kind, width: 1, timeoutMs: 10_000 });
      await assert.rejects(pool.submit(hang, undefined, { timeoutMs: 20 }), {
        code: 'ERR_TASK_TIMEOUT',
      });
      assert.equal(await pool.submit(double, 2), 4);
    });

    test('close lets the tasks it has finish, and refuses more', BOUNDED, async () => {
      const pool = createPool({ kind, width: 1 });
      const last = Promise.all([1, 2, 3].map((value) => pool.submit(pause, { ms: 1, value })));
      const closed = pool.close();
      await assert.rejects(pool.submit(double, 1), { code: 'ERR_POOL_CLOSED' });
      await assert.rejects(pool.map(double, [1]), { code: 'ERR_POOL_CLOSED' });
      assert.deepEqual(await last, [1, 2, 3]);
      await closed;
      await pool.close();
    });

    test('close lets a map under way come to its end', BOUNDED, async () => {
      const pool = createPool({ kind, width: 1 });
      const map = pool.map(double, [1, 2, 3, 4, 5, 6]);
      await pool.close();
      assert.deepEqual(await map, [2, 4, 6, 8, 10, 12]);
    });

    test('terminate ends what runs and what waits, now', BOUNDED, async () => {
      const pool = createPool({ kind, width: 1 });
      const tasks = [pool.submit(hang, undefined), pool.submit(double, 1)];
      const map = pool.map(hang, [undefined]);
      const settled = Promise.allSettled([...tasks, map]);
      await pool.terminate();
      for (const outcome of await settled) {
        assert.ok(outcome.status === 'rejected' && outcome.reason.code === 'ERR_POOL_TERMINATED');
      }
      await assert.rejects(pool.submit(double, 1), { code: 'ERR_POOL_TERMINATED' });
    });

    test(
      'the initialiser runs before the first task, and its failure breaks the pool',
      BOUNDED,
      async () => {
        // Inline it would stay initialised for the tests that follow in this process.
        if (kind !== 'inline') {
          const initialise = task<typeof tasks.initialise>(module, 'initialise');
          await using pool = createPool({
            kind,
            width: 2,
            initialiser: { task: initialise, input: 'ahoy' },
          });
          const word = task<typeof tasks.initialisedWith>(module, 'initialisedWith');
          const four = Array.from({ length: 4 }, () => undefined);
          assert.deepEqual(await pool.map(word, four), Array(4).fill('ahoy'));
        }
        const failing = task<() => never>(module, 'failToInitialise');
        await using broken = createPool({
          kind,
          width: 2,
          initialiser: { task: failing, input: undefined },
        });
        const submitted = broken.submit(double, 1);
        await assert.rejects(submitted, (error: Error) => {
          assert.ok('code' in error && error.code === 'ERR_POOL_BROKEN');
          assert.ok(error.cause instanceof Error && error.cause.message === 'no licence');
          return true;
        });
        await assert.rejects(broken.submit(double, 1), { code: 'ERR_POOL_BROKEN' });
      },
    );

    test('a task that is not there is named', BOUNDED, async () => {
      const missing = task<typeof tasks.double>(module, 'treble');
      await assert.rejects(shared.submit(missing, 1), {
        code: 'ERR_TASK_NOT_FOUND',
        message: /treble of tasks\.ts/,
      });
      const nowhere = task<typeof tasks.double>(new URL('./nowhere.ts', import.meta.url), 'double');
      await assert.rejects(shared.submit(nowhere, 1), { code: 'ERR_TASK_NOT_FOUND' });
    });

    test('what is thrown need not be an error', BOUNDED, async () => {
      const throwText = task<typeof tasks.throwText>(module, 'throwText');
      const thrown: unknown = await shared
        .submit(throwText, 'ouch')
        .catch((error: unknown) => error);
      assert.match(String(thrown), /ouch/);
    });
  });
}

for (const kind of ['threads', 'processes'] as const) {
  describe(`a pool of ${kind} outlives its workers`, () => {
    async function survives(name: string, input: unknown, expected: object): Promise<void> {
      await using pool = createPool({ kind, width: 1, maxHeapMiB: 48, timeoutMs: 15_000 });
      const bad = task<(input: unknown) => never>(module, name);
      await assert.rejects(pool.submit(bad, input), expected);
      assert.equal(await pool.submit(double, 3), 6);
    }

    test('one that exits', BOUNDED, () =>
      survives('exit', 3, { code: 'ERR_WORKER_DIED', message: /exit of tasks\.ts .*code 3/ }),
    );

    test(
      'a worker that dies whenever it starts breaks the pool instead of starting for ever',
      BOUNDED,
      async () => {
        const exit = task<(code: number) => never>(module, 'exit');
        await using pool = createPool({ kind, width: 1, initialiser: { task: exit, input: 7 } });
        await assert.rejects(pool.submit(double, 1), {
          code: 'ERR_POOL_BROKEN',
          message: /exited with code 7 before it was ready, 3 times/,
        });
      },
    );

    test('one that throws where nobody awaits', BOUNDED, () =>
      survives('crashLater', undefined, (error: Error) => {
        assert.ok(error.cause instanceof Error && error.cause.message === 'thrown by a timer');
        return true;
      }),
    );

    test('one that returns what cannot be cloned, or is given it', BOUNDED, async () => {
      await survives('returnFunction', undefined, { code: 'ERR_UNCLONABLE' });
      await survives('reportFunction', undefined, { code: 'ERR_UNCLONABLE' });
      await survives('double', () => {}, { code: 'ERR_UNCLONABLE' });
    });

    test('one that computes for ever', BOUNDED, async () => {
      await using pool = createPool({ kind, width: 1, timeoutMs: 2000 });
      const spin = task<() => never>(module, 'spin');
      await assert.rejects(pool.submit(spin, undefined, { timeoutMs: 150 }), {
        code: 'ERR_TASK_TIMEOUT',
      });
      assert.equal(await pool.submit(double, 3), 6);
    });

    test('a function has no module, so it is refused', BOUNDED, async () => {
      await using pool = createPool({ kind, width: 1 });
      await assert.rejects(
        pool.submit((input: number) => input, 1),
        { code: 'ERR_UNCLONABLE' },
      );
    });
  });
}

test('a thread that runs out of memory dies alone', BOUNDED, async () => {
  await using pool = createPool({ kind: 'threads', width: 1, maxHeapMiB: 48 });
  const eat = task<() => number>(module, 'eatMemory');
  await assert.rejects(pool.submit(eat, undefined), (error: Error) => {
    assert.ok('code' in error && error.code === 'ERR_WORKER_DIED');
    assert.ok(error.cause instanceof Error && 'code' in error.cause);
    assert.equal(error.cause.code, 'ERR_WORKER_OUT_OF_MEMORY');
    return true;
  });
  assert.equal(await pool.submit(double, 3), 6);
});

test('a process that runs out of memory dies alone', BOUNDED, async () => {
  await using pool = createPool({ kind: 'processes', width: 1, maxHeapMiB: 48 });
  const eat = task<() => number>(module, 'eatMemory');
  await assert.rejects(pool.submit(eat, undefined), { code: 'ERR_WORKER_DIED' });
  assert.equal(await pool.submit(double, 3), 6);
});

test('a task may send messages of its own without harm', BOUNDED, async () => {
  await using pool = createPool({ kind: 'threads', width: 1 });
  const post = task<() => string>(module, 'postNonsense');
  assert.equal(await pool.submit(post, undefined), 'posted');
});

test('a process killed with SIGKILL takes only its own task along', BOUNDED, async () => {
  await using pool = createPool({ kind: 'processes', width: 2 });
  const kill = task<() => Promise<never>>(module, 'killSelf');
  const outcomes = await Promise.allSettled([
    pool.submit(kill, undefined),
    pool.submit(pause, { ms: 50, value: 5 }),
  ]);
  assert.ok(outcomes[0].status === 'rejected');
  assert.match(String(outcomes[0].reason), /killSelf of tasks\.ts was killed by SIGKILL/);
  assert.deepEqual(outcomes[1], { status: 'fulfilled', value: 5 });
});

test("a process does not die of the terminal's Ctrl-C", BOUNDED, async () => {
  await using pool = createPool({ kind: 'processes', width: 1 });
  const interrupt = task<() => string>(module, 'interruptSelf');
  assert.equal(await pool.submit(interrupt, undefined), 'still here');
});

test('an inline pool takes functions', BOUNDED, async () => {
  await using pool = createPool({ kind: 'inline', width: 2 });
  assert.deepEqual(await pool.map((input: number) => input + 1, [1, 2, 3]), [2, 3, 4]);
});

test('bad widths, timeouts and modules are refused', () => {
  for (const width of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => createPool({ kind: 'threads', width }), { code: 'ERR_BAD_WIDTH' });
  }
  for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => createPool({ kind: 'threads', width: 1, timeoutMs }), {
      code: 'ERR_BAD_TIMEOUT',
    });
  }
  assert.throws(() => task('./tasks.ts', 'double'), { code: 'ERR_TASK_MODULE' });
});
