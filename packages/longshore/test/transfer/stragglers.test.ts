import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Runner, Stragglers } from '../../src/transfer/stragglers.ts';

const MB = 1_000_000;
const SETUP_S = 0.05;

function runner(id: number, megabytes: number, more: Partial<Runner> = {}): Runner {
  return {
    id,
    blob: 'a',
    remainingBytes: megabytes * MB,
    bytesPerSecond: 50 * MB,
    lostBytes: 0,
    ...more,
  };
}

const crawling = (id: number, megabytes = 100): Runner =>
  runner(id, megabytes, { bytesPerSecond: 2 * MB });

/** Looks ten times a second; when a flow is given up first, and which. */
function watch(
  stragglers: Stragglers,
  runners: readonly Runner[],
  { seconds = 9, isLate = false, from = 0, setupSeconds = SETUP_S, mayAsk = true } = {},
): { readonly at: number; readonly ids: readonly number[] } | undefined {
  for (let tenth = 0; tenth <= 10 * seconds; tenth += 1) {
    const atSeconds = from + tenth / 10;
    const ids = stragglers.find(runners, { atSeconds, setupSeconds, isLate, mayAsk });
    if (ids.length > 0) return { at: tenth / 10, ids };
  }
  return undefined;
}

/** So many flows that ended with 50 MB/s each. */
function after(flows: number, of: number): Stragglers {
  const stragglers = new Stragglers();
  for (let flow = 0; flow < flows; flow += 1) {
    stragglers.finished({ bytesPerSecond: 50 * MB, of });
  }
  return stragglers;
}

describe('flows that crawl', () => {
  const others = [runner(1, 50), runner(2, 50), runner(3, 50)];

  test('beside three others are given up after five seconds, and no other is', () => {
    const found = watch(new Stragglers(), [...others, crawling(4)]);
    assert.deepEqual(found, { at: 5, ids: [4] });
  });

  test('are given up sooner once connections are free', () => {
    const found = watch(new Stragglers(), [...others, crawling(4)], { isLate: true });
    assert.deepEqual(found, { at: 2.6, ids: [4] });
    // Its slow start takes seconds.
    const far = { isLate: true, setupSeconds: 0.3 };
    assert.equal(watch(new Stragglers(), [...others, crawling(4)], far)?.at, 5);
  });

  test('are let be while no request may go out in their place', () => {
    const runners = [...others, crawling(4)];
    assert.equal(watch(new Stragglers(), runners, { mayAsk: false }), undefined);
  });

  test('are no longer slow where nobody can tell any more', () => {
    const stragglers = after(8, 1);
    assert.equal(watch(stragglers, [crawling(4)], { seconds: 1 }), undefined);
    assert.equal(
      watch(stragglers, [crawling(4), runner(5, 9)], { seconds: 8, from: 1 }),
      undefined,
    );
    assert.equal(watch(stragglers, [crawling(4)], { from: 9.1 })?.at, 5);
  });

  test('have their time anew when they have recovered in between', () => {
    const stragglers = new Stragglers();
    assert.equal(watch(stragglers, [...others, crawling(4)], { seconds: 4 }), undefined);
    assert.equal(watch(stragglers, [...others, runner(4, 90)], { seconds: 1, from: 4 }), undefined);
    const again = watch(stragglers, [...others, crawling(4)], { from: 5.1 });
    assert.equal(again?.at, 5);
  });

  test('may end in peace where little is left', () => {
    assert.equal(watch(new Stragglers(), [...others, crawling(4, 1)]), undefined);
  });

  test('may end in peace where all would have to come again', () => {
    const nearlyDone = { ...crawling(4, 10), lostBytes: 300 * MB };
    assert.equal(watch(new Stragglers(), [...others, nearlyDone]), undefined);
    const alone = { ...crawling(4, 100), bytesPerSecond: 10_000, lostBytes: 300 * MB };
    assert.equal(watch(after(8, 8), [alone]), undefined, 'not for a memory');
  });

  test('alone are known by what others gave before them', () => {
    assert.equal(watch(new Stragglers(), [crawling(4)]), undefined, 'nothing is known');
    assert.equal(watch(after(2, 8), [crawling(4)]), undefined, 'two are too few');
    assert.deepEqual(watch(after(3, 8), [crawling(4)]), { at: 5, ids: [4] });
  });

  test('are not measured by what a flow gave that had the line for itself', () => {
    assert.equal(watch(after(8, 1), [crawling(4), crawling(5)]), undefined);
    assert.deepEqual(watch(after(8, 2), [crawling(4), crawling(5)])?.ids, [4, 5]);
  });

  test('again and again are a server that has become slow', () => {
    const stragglers = after(8, 8);
    let from = 0;
    let givenUp = 0;
    for (let id = 10; id < 30; id += 1) {
      if (watch(stragglers, [crawling(id, 1000)], { from }) !== undefined) givenUp += 1;
      from += 10;
    }
    // 50 MB/s, believed half as much each time, until 2 MB/s is no longer below three tenths of it.
    assert.equal(givenUp, 3);
  });

  test('are few beside many of their kind: what most do is usual', () => {
    assert.equal(watch(new Stragglers(), [crawling(1), crawling(2), crawling(3)]), undefined);
  });
});

describe('a request that is not answered', () => {
  /** Asked at the time 0, and again whenever it is given up; beside one that was answered. */
  function asked(seconds: number, beside: Partial<Runner>, isLate = true): number[] {
    const stragglers = new Stragglers();
    const again: number[] = [];
    let [since, id] = [0, 1];
    for (let atSeconds = 0; atSeconds <= seconds; atSeconds += 0.5) {
      const unansweredSeconds = atSeconds - since;
      const lost = runner(id, 5, { bytesPerSecond: undefined, unansweredSeconds });
      const runners = [lost, runner(99, 5, beside)];
      const now = { atSeconds, setupSeconds: SETUP_S, isLate, mayAsk: true };
      if (stragglers.find(runners, now).length === 0) continue;
      again.push(atSeconds);
      since = atSeconds;
      id += 1;
    }
    return again;
  }

  test('is asked again once connections are free, and later each time', () => {
    assert.deepEqual(asked(50, {}), [6.5, 19, 43.5]);
    assert.deepEqual(asked(50, {}, false), []);
  });

  test('is let be where no later one for the same blob was answered', () => {
    assert.deepEqual(asked(50, { blob: 'b' }), []);
    assert.deepEqual(asked(50, { id: 0 }), []);
    assert.deepEqual(asked(50, { bytesPerSecond: undefined, unansweredSeconds: 1 }), []);
  });

  test('is told by one that has ended since', () => {
    const stragglers = new Stragglers();
    const lost = runner(1, 5, { bytesPerSecond: undefined, unansweredSeconds: 0 });
    const now = { atSeconds: 0, setupSeconds: SETUP_S, isLate: true, mayAsk: true };
    assert.deepEqual(stragglers.find([lost, runner(2, 5)], now), []);
    assert.deepEqual(stragglers.find([{ ...lost, unansweredSeconds: 7 }], now), [1]);
  });
});
