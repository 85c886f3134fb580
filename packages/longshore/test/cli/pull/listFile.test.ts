import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseList, readList } from '../../../src/cli/pull/listFile.ts';
import { temporaryDirectory } from '../support/cli.ts';

test('comments, empty lines, CRLF and a byte order mark', () => {
  const text = '\uFEFF# all\r\n\r\ndebian:12\r\n  alpine:3 # small\r\n\tx@sha256:0#1\r\n';
  assert.deepEqual(parseList(text, 'f'), [
    { input: 'debian:12', where: 'f:3' },
    { input: 'alpine:3', where: 'f:4' },
    { input: 'x@sha256:0#1', where: 'f:5' },
  ]);
  assert.deepEqual(parseList('', 'f'), []);
});

test('what is written is read, each at its line', () => {
  const line = fc.oneof(
    fc.stringMatching(/^[a-z0-9./:@-]{1,30}$/),
    fc.constantFrom('', '   ', '# comment'),
  );
  fc.assert(
    fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), (lines, end) => {
      const expected = lines.flatMap((text, i) =>
        text.trim() === '' || text.startsWith('#') ? [] : [{ input: text, where: `f:${i + 1}` }],
      );
      assert.deepEqual(parseList(lines.join(end), 'f'), expected);
    }),
  );
});

test('a list comes from stdin or a file; what is no list is refused', async (t) => {
  const cwd = await temporaryDirectory(t);
  const stdin = Readable.from([Buffer.from('one\ntw'), Buffer.from('o\n')]);
  assert.deepEqual(await readList('-', { cwd, stdin }), [
    { input: 'one', where: 'stdin:1' },
    { input: 'two', where: 'stdin:2' },
  ]);
  await writeFile(path.join(cwd, 'big'), Buffer.alloc(17 * 1024 * 1024));
  const empty = Readable.from([]);
  await assert.rejects(readList('big', { cwd, stdin: empty }), /over 16 MiB/);
  await assert.rejects(readList('.', { cwd, stdin: empty }), /cannot read \.: EISDIR/);
  const endless = Readable.from(
    (function* bytes() {
      for (;;) yield Buffer.alloc(1024 * 1024, 'x');
    })(),
  );
  await assert.rejects(readList('-', { cwd, stdin: endless }), /over 16 MiB/);
});
