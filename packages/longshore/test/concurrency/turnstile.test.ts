import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turnstile } from '../../src/concurrency/index.ts';

/** Flows of one server, which takes so many of them. */
function crowd(limit: number) {
  const turnstile = new Turnstile();
  const state = { limit, flows: 0, refused: 0 };
  /** As many requests as may go out, all of them sent before any is answered. */
  const send = (wanted: number): number => {
    const sent: { turn: number; inFlight: number }[] = [];
    while (sent.length < wanted && turnstile.lets(state.flows + sent.length, sent.length)) {
      sent.push({ turn: turnstile.turn, inFlight: state.flows + sent.length + 1 });
    }
    for (const { turn, inFlight } of sent) {
      if (state.flows < state.limit) {
        state.flows += 1;
        turnstile.accepted(turn, inFlight);
      } else {
        state.refused += 1;
        turnstile.refused(turn, inFlight - 1);
      }
    }
    return sent.length;
  };
  return { state, send };
}

test('nothing is held back before the first refusal', () => {
  assert.equal(crowd(64).send(64), 64);
});

test('after a refusal one request goes out, and more at a time only as they are taken', () => {
  const { state, send } = crowd(8);
  for (let i = 0; i < 9; i += 1) send(1);
  assert.equal(state.refused, 1);
  const rounds = Array.from({ length: 12 }, () => {
    state.flows = 0;
    return send(64);
  });
  assert.equal(rounds[0], 1);
  assert.ok((rounds[1] ?? 9) <= 2 && (rounds[3] ?? 9) <= 3, rounds.join(' '));
  assert.ok((rounds[11] ?? 0) >= 3, rounds.join(' '));
  assert.equal(state.refused, 1, 'what was taken before the refusal is not exceeded');
});

test('a server that takes fewer than before sees two refusals, and then one for what it takes', () => {
  const { state, send } = crowd(64);
  send(32);
  state.limit = 6;
  send(1);
  send(64);
  assert.equal(state.refused, 2);
  assert.equal(send(64), 0, 'not before an eighth is left');
  state.flows = 4;
  for (let i = 0; i < 40 && state.refused === 2; i += 1) send(64);
  assert.deepEqual(state, { limit: 6, flows: 6, refused: 3 });
});

test('what was sent before a refusal was known tells nothing new', () => {
  const turnstile = new Turnstile();
  const { turn } = turnstile;
  turnstile.accepted(turn, 4);
  turnstile.refused(turn, 2);
  turnstile.refused(turn, 3);
  turnstile.accepted(turn, 4);
  assert.ok(turnstile.lets(4, 0), 'no second refusal in a row');
  assert.ok(!turnstile.lets(4, 1), 'nothing was taken since');
});

test('where single requests are refused, half as many go out again as soon as one is taken', () => {
  const turnstile = new Turnstile();
  const accept = (times: number): void => {
    for (let i = 0; i < times; i += 1) turnstile.accepted(turnstile.turn, 40);
  };
  const unanswered = (): number => {
    let count = 0;
    while (count < 64 && turnstile.lets(1, count)) count += 1;
    return count;
  };
  for (let i = 0; i < 3; i += 1) {
    accept(20);
    turnstile.refused(turnstile.turn, 20);
  }
  assert.equal(unanswered(), 1, 'one goes first all the same');
  accept(1);
  assert.ok(unanswered() < 8);
  accept(60);
  const before = unanswered();
  assert.ok(before > 24, String(before));
  turnstile.refused(turnstile.turn, 20);
  assert.equal(unanswered(), 1);
  accept(1);
  assert.ok(Math.abs(unanswered() - before / 2) <= 1, `${unanswered()} of ${before}`);
});
