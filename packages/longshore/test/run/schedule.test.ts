import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BuildEdge, BuiltImage } from '../../src/build/index.ts';
import { digestOf } from '../../src/image/index.ts';
import {
  advance,
  countStates,
  hasEnded,
  type JournalLine,
  type Ledger,
  newLedger,
  reopen,
  replay,
  type TargetEntry,
  type Transition,
} from '../../src/run/ledger.ts';
import { isFull, isOver, nextSteps } from '../../src/run/schedule.ts';
import { graphOf } from './support/dock.ts';

const seed = Date.now() & 0x7fffffff;

test('the seed of these properties', (t) => t.diagnostic(`seed ${seed}`));

/** A graph of `count` targets, each built from some of those before it. */
function randomGraph(count: number, picks: readonly number[]): ReturnType<typeof graphOf> {
  const names = Array.from({ length: count }, (_, i) => `t${i}`);
  const graph = graphOf(names, 'registry.test');
  const edges: BuildEdge[] = [];
  for (const [i, pick] of picks.entries()) {
    const from = (i % Math.max(1, count - 1)) + 1;
    if (from < count) edges.push({ from: `t${from}`, to: `t${pick % from}`, reference: 'x' });
  }
  return { ...graph, edges };
}

function imageOf(target: string): BuiltImage {
  return { mediaType: 'm', digest: digestOf(Buffer.from(target)), size: 1 };
}

/** What happens to a target that is under way, by a number that chance gives. */
function outcomeOf({ state, target }: TargetEntry, chance: number): Transition | undefined {
  const base = { at: 0, target };
  const error = { code: 'ERR', message: 'no' };
  const image = imageOf(target);
  if (state === 'building') {
    if (chance % 5 === 0) return { ...base, to: 'failed-build', error };
    return { ...base, to: 'queued', image, newBytes: 1, milliseconds: 1 };
  }
  if (state === 'queued') return { ...base, to: 'pushing' };
  if (state !== 'pushing') return undefined;
  if (chance % 7 === 0) return { ...base, to: 'failed-push', tags: [], error };
  return { ...base, to: chance % 2 === 0 ? 'pushed' : 'unchanged', tags: [] };
}

interface Simulation {
  readonly edges: readonly BuildEdge[];
  readonly chances: readonly number[];
  readonly builders: number;
  readonly journal: JournalLine[];
  readonly builds: Map<string, number>;
}

/** Lets a run go on until it is over, or until its journal has `until` lines: then it is killed. */
function simulate(
  start: Ledger,
  { edges, chances, builders, journal, builds }: Simulation,
  until: number,
): Ledger {
  const entries = new Map(start);
  const move = (transition: Transition): void => {
    const entry = entries.get(transition.target);
    assert.ok(entry !== undefined && !hasEnded(entry), 'moves only what has not ended');
    entries.set(entry.target, advance(entry, transition));
    journal.push(transition);
  };
  for (let i = 0; !isOver(entries); i += 1) {
    assert.ok(i < 10_000, 'comes to an end');
    if (journal.length >= until) return entries;
    const { build, skip } = nextSteps(entries, edges, { builders, full: false });
    for (const { target, because } of skip) {
      assert.equal(entries.get(because)?.state, 'failed-build', 'skipped for a failure');
      move({ at: 0, target, to: 'skipped', because });
    }
    for (const target of build) {
      const bases = edges.filter(({ from }) => from === target).map(({ to }) => to);
      assert.ok(
        bases.every((base) => entries.get(base)?.image !== undefined),
        'bases are there',
      );
      builds.set(target, (builds.get(target) ?? 0) + 1);
      move({ at: 0, target, to: 'building' });
    }
    assert.ok(countStates(entries).building <= builders, 'no wider than allowed');
    const open = Array.from(entries.values()).filter(({ state }) =>
      ['building', 'queued', 'pushing'].includes(state),
    );
    const chance = chances[i % chances.length] ?? 1;
    const chosen = open[chance % Math.max(1, open.length)];
    const transition = chosen === undefined ? undefined : outcomeOf(chosen, chance);
    if (transition !== undefined) move(transition);
  }
  return entries;
}

test('every target ends in one state, and a kill at any line costs no finished build', () => {
  fc.assert(
    fc.property(
      fc.record({
        count: fc.integer({ min: 1, max: 12 }),
        picks: fc.array(fc.nat(1000), { maxLength: 20 }),
        chances: fc.array(fc.nat(1000), { minLength: 5, maxLength: 40 }),
        builders: fc.integer({ min: 1, max: 4 }),
        kills: fc.array(fc.nat(25), { maxLength: 4 }),
      }),
      ({ count, picks, chances, builders, kills }) => {
        const graph = randomGraph(count, picks);
        const journal: JournalLine[] = [];
        const builds = new Map<string, number>();
        const { edges } = graph;
        const simulation = { edges, chances, builders, journal, builds };
        let ledger = newLedger(graph);
        for (const lines of kills) {
          simulate(ledger, simulation, journal.length + lines);
          // Nothing but the journal is left.
          const known = replay(newLedger(graph), journal);
          builds.clear();
          ledger = reopen(known, edges, () => true);
          for (const { target, image } of known.values()) {
            const now = ledger.get(target);
            if (image !== undefined) assert.notEqual(now?.state, 'waiting', 'built stays built');
          }
        }
        const end = simulate(ledger, simulation, Number.POSITIVE_INFINITY);
        const built = new Set(
          Array.from(ledger.values())
            .filter((e) => e.image !== undefined)
            .map((e) => e.target),
        );
        for (const target of builds.keys()) assert.ok(!built.has(target), 'not built twice');
        assert.equal(end.size, count);
        assert.ok(isOver(end));
        const counts = countStates(end);
        const sum =
          counts.pushed +
          counts.unchanged +
          counts['failed-build'] +
          counts['failed-push'] +
          counts.skipped;
        assert.equal(sum, count, 'all accounted for');
        assert.deepEqual(replay(ledger, []), ledger);
      },
    ),
    { seed, numRuns: 300 },
  );
});

test('what is up but gone from the store is built again only for those built from it', () => {
  const graph = graphOf(['base', 'app<base', 'other'], 'registry.test');
  const up = (target: string): JournalLine[] => [
    { at: 0, target, to: 'queued', image: imageOf(target), newBytes: 1, milliseconds: 1 },
    { at: 0, target, to: 'pushed', tags: [] },
  ];
  const known = replay(newLedger(graph), [...up('base'), ...up('other')]);
  const states = Array.from(reopen(known, graph.edges, () => false).values(), (e) => e.state);
  assert.deepEqual(states, ['waiting', 'waiting', 'pushed']);
});

test('a journal that tells of other targets is not believed', () => {
  const graph = graphOf(['a'], 'registry.test');
  const ledger = replay(newLedger(graph), [{ at: 0, target: 'b', to: 'building' }]);
  assert.deepEqual(Array.from(ledger.keys()), ['a']);
});

test('builds wait from the high-water mark until half of it is gone', () => {
  assert.equal(isFull(100, 100, false), false);
  assert.equal(isFull(101, 100, false), true);
  assert.equal(isFull(60, 100, true), true);
  assert.equal(isFull(50, 100, true), false);
});
