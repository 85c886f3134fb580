import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { openOutput } from '../../src/cli/output.ts';

function failing(code: string): Writable {
  return new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error(code), { code }));
    },
  });
}

/** Unlike `once`, does not take the stream's error for its own. */
function closed(stream: Writable): Promise<void> {
  return new Promise((resolve) => void stream.once('close', () => resolve()));
}

test('a reader that went away is no problem, and later writes are passed over', async () => {
  const stream = failing('EPIPE');
  const output = openOutput(stream, 'stdout');
  output.write('one');
  await closed(stream);
  output.write('two');
  await output.flush();
  assert.equal(output.problem(), undefined);
  output.dispose();
});

test('a terminal that was closed is no problem, a disk that fails is', async () => {
  for (const isTTY of [true, false]) {
    const stream = Object.assign(failing('EIO'), { isTTY });
    const output = openOutput(stream, 'stdout');
    output.write('one');
    await closed(stream);
    assert.equal(output.problem()?.message, isTTY ? undefined : 'Cannot write to stdout: EIO');
    output.dispose();
  }
});

test('a full disk behind stdout is told', async () => {
  const stream = failing('ENOSPC');
  const output = openOutput(stream, 'stdout');
  output.write('one');
  await output.flush();
  await closed(stream);
  assert.match(output.problem()?.message ?? '', /Cannot write to stdout: ENOSPC/);
  output.dispose();
});

test('flushing waits for a slow reader', async () => {
  const taken: string[] = [];
  const pending: (() => void)[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      taken.push(chunk.toString());
      pending.push(done);
    },
  });
  const output = openOutput(stream, 'stdout');
  output.write('one');
  output.write('two');
  const flushed = output.flush();
  while (pending.length > 0) {
    pending.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await flushed;
  assert.deepEqual(
    taken.filter((text) => text !== ''),
    ['one', 'two'],
  );
  output.dispose();
});
