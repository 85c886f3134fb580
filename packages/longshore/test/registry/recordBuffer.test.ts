import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import {
  RecordBuffer,
  type RecordOwner,
  TLS_RECORD_BYTES,
} from '../../src/registry/direct/recordBuffer.ts';

/** Keeps what it is told to keep, and checks at the end that nobody has written over it. */
class Owner implements RecordOwner {
  readonly chunks: Buffer[] = [];
  keeps = false;
  kept: { readonly memory: Buffer<ArrayBuffer>; readonly copy: Buffer } | undefined;

  take(gathered: Buffer<ArrayBuffer>): boolean {
    this.chunks.push(Buffer.from(gathered));
    if (!this.keeps) return true;
    this.kept = { memory: gathered, copy: Buffer.from(gathered) };
    return false;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  free(records: RecordBuffer): void {
    if (this.kept === undefined) return;
    assert.ok(this.kept.memory.equals(this.kept.copy), 'kept memory was written over');
    records.free(this.kept.memory);
    this.kept = undefined;
  }
}

function add(records: RecordBuffer, owner: Owner, text: string): boolean {
  const record = Buffer.alloc(TLS_RECORD_BYTES);
  return records.add(owner, record, record.write(text, 'latin1'));
}

describe('records of several connections in one buffer', () => {
  test('what comes in one turn is one chunk', async () => {
    const [records, owner] = [new RecordBuffer(), new Owner()];
    for (const text of ['a', 'b', 'c']) assert.equal(add(records, owner, text), true);
    assert.equal(records.holds(owner), true);
    assert.deepEqual(owner.chunks, []);
    await turn();
    assert.deepEqual(owner.chunks.map(String), ['abc']);
    assert.equal(records.holds(owner), false);
  });

  test('another connection begins when the one before it has been handed on', () => {
    const [records, one, two] = [new RecordBuffer(), new Owner(), new Owner()];
    add(records, one, 'a');
    add(records, two, 'b');
    assert.deepEqual([one.text, two.text], ['a', '']);
    records.flush(one);
    assert.deepEqual([one.text, two.text], ['a', '']);
    records.flush(two);
    assert.deepEqual([one.text, two.text], ['a', 'b']);
  });

  test('a full buffer is handed on at once, and its owner told when it is kept', () => {
    const [records, owner] = [new RecordBuffer(), new Owner()];
    owner.keeps = true;
    const whole = 'x'.repeat(TLS_RECORD_BYTES);
    let count = 1;
    while (add(records, owner, whole)) count += 1;
    assert.equal(count, 16);
    assert.equal(owner.text.length, 16 * TLS_RECORD_BYTES);
    owner.free(records);
  });

  test('nothing is lost, mixed up or written over, whoever keeps what for how long', () => {
    const step = fc.record({
      who: fc.nat(3),
      size: fc.integer({ min: 1, max: TLS_RECORD_BYTES }),
      keeps: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const records = new RecordBuffer();
        const owners = [0, 1, 2, 3].map(() => new Owner());
        const sent = ['', '', '', ''];
        for (const [i, { who, size, keeps }] of steps.entries()) {
          const owner = owners[who];
          if (owner === undefined) continue;
          // A connection that has kept something adds nothing until it gives that back.
          owner.free(records);
          owner.keeps = keeps;
          const text = String.fromCharCode(97 + (i % 26)).repeat(size);
          sent[who] += text;
          add(records, owner, text);
        }
        for (const [who, owner] of owners.entries()) {
          records.flush(owner);
          owner.free(records);
          assert.ok(owner.text === sent[who], `connection ${who}`);
        }
      }),
      { numRuns: 30 },
    );
  });
});
