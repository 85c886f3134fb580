import assert from 'node:assert/strict';
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { type RunEvent, type RunResult, readRun } from '../../src/run/index.ts';
import { dock, graphOf, holdsWhole } from './support/dock.ts';

const LIMIT = { timeout: 30_000 };

function states({ targets }: RunResult): Record<string, string> {
  return Object.fromEntries(targets.map(({ target, state }) => [target, state]));
}

void describe('a run of builds and pushes', () => {
  void it('builds bases first, pushes everything once, and says so', LIMIT, async () => {
    await using quay = await dock();
    const id = await quay.plan(['base', 'a<base', 'b<base', 'c<a', 'lone']);
    const result = await quay.run(id);
    assert.equal(result.outcome, 'succeeded');
    assert.deepEqual(new Set(Object.values(states(result))), new Set(['pushed']));
    assert.ok(quay.builder.mostRunning <= 2);
    const { built } = quay.builder;
    assert.ok(
      built.indexOf('base') < built.indexOf('a') && built.indexOf('a') < built.indexOf('c'),
    );
    for (const name of built) assert.ok(await holdsWhole(quay.remote, `localhost/${name}:1`), name);
    const log = await readFile(result.targets[0]?.log ?? '', 'utf8');
    assert.match(log, /^# \S+ base with scripted 1\noutput of base\n/);
    const last = quay.events.at(-1);
    assert.ok(last?.type === 'bulk.finished' && last.targets.pushed === 5);
    const steps = quay.events.filter((event) => event.type === 'target.step');
    assert.equal(steps.length, 5);
  });

  void it('skips what is built from a failure, and pushes the rest', LIMIT, async () => {
    await using quay = await dock();
    quay.builder.failing.add('bad');
    const result = await quay.run(await quay.plan(['bad', 'x<bad', 'y<x', 'good']));
    assert.equal(result.outcome, 'failed');
    assert.deepEqual(states(result), {
      bad: 'failed-build',
      x: 'skipped',
      y: 'skipped',
      good: 'pushed',
    });
    assert.deepEqual(
      result.targets.map(({ because }) => because),
      [undefined, 'bad', 'bad', undefined],
    );
    assert.match(result.targets[0]?.error?.message ?? '', /RUN bad failed/);
  });

  void it(
    'keeps in the store what is built only because others are built from it',
    LIMIT,
    async () => {
      await using quay = await dock();
      const graph = graphOf(['base', 'app<base'], quay.server.host);
      for (const publish of ['each', 'all-or-none'] as const) {
        const id = await quay.plan([], { graph: { ...graph, linked: ['base'] }, publish });
        const result = await quay.run(id);
        assert.equal(result.outcome, 'succeeded');
        assert.equal(states(result)['base'], 'built');
      }
      assert.equal(await quay.remote.getReference('localhost/base:1'), undefined);
      assert.ok(await holdsWhole(quay.remote, 'localhost/app:1'));
    },
  );

  void it('moves no tag before all are up with all-or-none', LIMIT, async () => {
    await using quay = await dock();
    quay.builder.failing.add('bad');
    const id = await quay.plan(['good', 'bad', 'fine'], { publish: 'all-or-none' });
    const result = await quay.run(id);
    assert.deepEqual(states(result), {
      good: 'failed-push',
      bad: 'failed-build',
      fine: 'failed-push',
    });
    assert.equal(result.targets[0]?.error?.code, 'ERR_HELD_BACK');
    assert.equal(await quay.remote.getReference('localhost/good:1'), undefined);
    quay.builder.failing.clear();
    const again = await quay.run(id);
    assert.deepEqual(new Set(Object.values(states(again))), new Set(['pushed']));
    assert.deepEqual(quay.builder.built.toSorted(), ['bad', 'fine', 'good']);
  });

  void it(
    'stops builds when drained, and takes the run up without building twice',
    LIMIT,
    async () => {
      await using quay = await dock();
      const drain = new AbortController();
      quay.builder.hanging.add('slow');
      quay.builder.onBuild = (name) => {
        if (name === 'slow') drain.abort(new Error('interrupted'));
      };
      const id = await quay.plan(['first', 'slow', 'late', 'later']);
      const stopped = await quay.run(id, { drain: drain.signal, builders: 1 });
      assert.equal(stopped.outcome, 'cancelled');
      assert.equal(states(stopped)['slow'], 'cancelled');
      assert.equal(states(stopped)['late'], 'cancelled');
      assert.equal(quay.builder.running, 0);
      quay.builder.hanging.clear();
      quay.builder.onBuild = () => undefined;
      const resumed = await quay.run(id);
      assert.equal(resumed.outcome, 'succeeded');
      assert.deepEqual(quay.builder.built.toSorted(), ['first', 'late', 'later', 'slow']);
      const started = quay.events.findLast((event) => event.type === 'bulk.started');
      assert.equal((started?.built ?? 0) + (started?.up ?? 0), 1);
    },
  );

  void it(
    'pushes what was built before a kill, and builds what the store has lost',
    LIMIT,
    async () => {
      await using quay = await dock();
      // Journal as a killed process leaves it: two built, one of them with its manifest gone since.
      const local = await quay.plan(['kept', 'lost'], { push: false });
      const built = await quay.run(local);
      assert.deepEqual(new Set(Object.values(states(built))), new Set(['built']));
      const id = await quay.plan(['kept', 'lost']);
      const { folder } = await readRun(quay.store.path, id);
      const lines = built.targets.map(({ target, image }) =>
        JSON.stringify({ at: 1, target, to: 'queued', image, newBytes: 1, milliseconds: 1 }),
      );
      await writeFile(folder.journalFile, `${lines.join('\n')}\n`);
      const lost = built.targets[1]?.image?.digest;
      assert.ok(lost !== undefined);
      await rm(quay.store.blobPath(lost));
      const result = await quay.run(id);
      assert.deepEqual(states(result), { kept: 'pushed', lost: 'pushed' });
      assert.deepEqual(quay.builder.built.slice(2), ['lost']);
    },
  );

  void it('ends everything at the first failure when asked to', LIMIT, async () => {
    await using quay = await dock();
    quay.builder.failing.add('bad');
    quay.builder.hanging.add('slow');
    const result = await quay.run(await quay.plan(['slow', 'bad', 'late']), { failFast: true });
    assert.equal(result.outcome, 'failed');
    assert.deepEqual(states(result), { slow: 'cancelled', bad: 'failed-build', late: 'cancelled' });
  });

  void it('finds an image that is up already unchanged', LIMIT, async () => {
    await using quay = await dock();
    await quay.run(await quay.plan(['same']));
    const again = await quay.run(await quay.plan(['same']));
    assert.deepEqual(states(again), { same: 'unchanged' });
    assert.equal(again.sentBytes, 0);
  });

  void it('builds again where the builder itself went away', LIMIT, async () => {
    await using quay = await dock();
    quay.builder.breaking.set('shaky', 1);
    const result = await quay.run(await quay.plan(['shaky']));
    assert.deepEqual(states(result), { shaky: 'pushed' });
    assert.ok(quay.events.some((event) => event.type === 'target.retry' && event.attempt === 1));
  });

  void it('holds builds back while too much is built and not up', LIMIT, async () => {
    await using quay = await dock();
    quay.builder.layerBytes = 100_000;
    const names = Array.from({ length: 8 }, (_, i) => `big${i}`);
    const result = await quay.run(await quay.plan(names), { highWaterBytes: 150_000, builders: 4 });
    assert.equal(result.outcome, 'succeeded');
    const held = quay.events.filter(
      (event): event is Extract<RunEvent, { type: 'bulk.held' }> => event.type === 'bulk.held',
    );
    assert.ok(held.some((event) => event.held));
    assert.equal(held.at(-1)?.held, false);
    const most = Math.max(...held.map(({ unpushedBytes }) => unpushedBytes));
    // What was being built when the mark was reached comes on top.
    assert.ok(most <= 150_000 + 4 * 101_000, `${most} bytes`);
  });

  void it('lets one process work on a run', LIMIT, async () => {
    await using quay = await dock();
    const id = await quay.plan(['a']);
    const claim = await quay.store.claim(`run ${id}`);
    await assert.rejects(quay.run(id), { code: 'ERR_CLAIMED' });
    await claim.release();
    assert.equal((await quay.run(id)).outcome, 'succeeded');
  });

  void it('stops when its journal can no longer be written', LIMIT, async () => {
    await using quay = await dock();
    const id = await quay.plan(['a', 'b']);
    const { folder } = await readRun(quay.store.path, id);
    await symlink('/dev/full', folder.journalFile);
    await assert.rejects(quay.run(id), { code: 'ERR_JOURNAL' });
    assert.deepEqual(quay.builder.built, []);
  });
});
