import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isLongshoreError } from '../../src/errors.ts';
import { TarReader } from '../../src/export/tar/reader.ts';
import type { TarEntry, TarLimits } from '../../src/export/tar/types.ts';
import { formatHeader } from '../../src/export/tar/writer.ts';
import {
  base256,
  directory,
  END,
  file,
  gnuLong,
  hardlink,
  header,
  padded,
  pax,
  symlink,
  tar,
} from './helpers/tarBuilder.ts';

interface Read {
  readonly entry: TarEntry;
  readonly data: Buffer;
}

function read(bytes: Buffer, pieces: readonly number[] = [], limits: TarLimits = {}): Read[] {
  const found: { entry: TarEntry; chunks: Buffer[] }[] = [];
  const reader = new TarReader(
    {
      onEntry: (entry) => found.push({ entry, chunks: [] }),
      onData: (chunk) => found.at(-1)?.chunks.push(Buffer.from(chunk)),
    },
    limits,
  );
  let at = 0;
  for (const length of pieces) {
    reader.write(bytes.subarray(at, at + length));
    at += length;
  }
  reader.write(bytes.subarray(at));
  reader.end();
  return found.map(({ entry, chunks }) => ({ entry, data: Buffer.concat(chunks) }));
}

function names(bytes: Buffer): string[] {
  return read(bytes).map(({ entry }) => entry.path);
}

const INVALID = { code: 'ERR_TAR_INVALID' };

describe('TarReader', () => {
  it('reads what ustar can say', () => {
    const bytes = tar(
      directory('etc/', { mode: 0o1755 }),
      file('etc/motd', 'hello', { uid: 7, gid: 8, mode: 0o4711 }),
      symlink('etc/link', 'motd'),
      hardlink('etc/hard', 'etc/motd'),
      header({ name: 'dev/null', flag: '3', major: 1, minor: 3 }),
      header({ name: 'dev/sda', flag: '4', major: 8, minor: 0 }),
      header({ name: 'run/pipe', flag: '6' }),
    );
    const entries = read(bytes);
    assert.deepEqual(
      entries.map(({ entry }) => [entry.path, entry.type]),
      [
        ['etc/', 'directory'],
        ['etc/motd', 'file'],
        ['etc/link', 'symlink'],
        ['etc/hard', 'hardlink'],
        ['dev/null', 'character-device'],
        ['dev/sda', 'block-device'],
        ['run/pipe', 'fifo'],
      ],
    );
    assert.equal(entries[0]?.entry.mode, 0o1755);
    assert.partialDeepStrictEqual(entries[1]?.entry, { uid: 7, gid: 8, mode: 0o4711, size: 5 });
    assert.equal(entries[1]?.data.toString(), 'hello');
    assert.equal(entries[2]?.entry.linkPath, 'motd');
    assert.partialDeepStrictEqual(entries[4]?.entry, { deviceMajor: 1, deviceMinor: 3 });
  });

  it('joins the prefix of POSIX, and leaves alone what GNU and star keep in its place', () => {
    const long = 'a'.repeat(90);
    assert.deepEqual(names(tar(file('b', '', { prefix: long }))), [`${long}/b`]);
    assert.deepEqual(names(tar(file('b', '', { prefix: long, magic: 'ustar  \0' }))), ['b']);
    const star = file('b', '', {
      prefix: 'p',
      patch: (block) => {
        block.write('x'.repeat(20), 476, 'latin1');
        block.write('tar\0', 508, 'latin1');
      },
    });
    assert.deepEqual(names(tar(star)), ['p/b']);
  });

  it('reads long names of GNU', () => {
    const name = `${'d'.repeat(120)}/${'e'.repeat(120)}`;
    const [entry] = read(tar(gnuLong('L', name), gnuLong('K', `${name}2`), symlink('short', 'x')));
    assert.equal(entry?.entry.path, name);
    assert.equal(entry?.entry.linkPath, `${name}2`);
  });

  it('applies local PAX records to one entry, global ones to all', () => {
    const bytes = tar(
      pax([['uid', '4000000000']], 'g'),
      pax([
        ['path', 'p\u00e4th'],
        ['size', '3'],
        ['mtime', '1.5'],
        ['SCHILY.xattr.user.x', Buffer.from([0, 255, 61, 10])],
      ]),
      file('wrong', 'abc', { patch: (block) => block.write('00000000000', 124, 'latin1') }),
      file('plain', 'de'),
      pax([['uid', '']]),
      file('own', '', { uid: 5 }),
    );
    const entries = read(bytes);
    assert.partialDeepStrictEqual(entries[0]?.entry, {
      path: 'p\u00e4th',
      uid: 4_000_000_000,
      mtime: 1.5,
      size: 3,
    });
    assert.deepEqual(entries[0]?.entry.xattrs?.get('user.x'), Buffer.from([0, 255, 61, 10]));
    assert.equal(entries[1]?.entry.path, 'plain');
    assert.equal(entries[1]?.entry.uid, 4_000_000_000);
    assert.equal(entries[1]?.entry.xattrs, undefined);
    assert.equal(entries[2]?.entry.uid, 5);
  });

  it('reads numbers in base 256, negative times among them', () => {
    const bytes = tar(
      header({
        name: 'old',
        patch: (block) => {
          base256(block, 108, 8, 3_000_000_000n);
          base256(block, 136, 12, -5n);
        },
      }),
    );
    assert.partialDeepStrictEqual(read(bytes)[0]?.entry, { uid: 3_000_000_000, mtime: -5 });
  });

  it('takes archives without closing blocks, with one, and with rubbish behind them', () => {
    const body = file('a', 'x');
    assert.deepEqual(names(body), ['a']);
    assert.deepEqual(names(Buffer.concat([body, Buffer.alloc(512)])), ['a']);
    assert.deepEqual(names(Buffer.concat([body, END, Buffer.from('rubbish')])), ['a']);
    assert.deepEqual(names(Buffer.alloc(0)), []);
  });

  it('takes a file with a slash at its end for a directory only where V7 wrote it', () => {
    const types = read(tar(file('old/', '', { flag: '\0' }), file('new/', 'x')));
    assert.deepEqual(
      types.map(({ entry }) => entry.type),
      ['directory', 'file'],
    );
  });
});

describe('TarReader on sparse files', () => {
  const size = 4096;
  const runs = [
    { offset: 512, bytes: 3 },
    { offset: 2048, bytes: 5 },
    { offset: 4096, bytes: 0 },
  ];
  const stored = 'abcdefgh';
  const check = (bytes: Buffer): void => {
    const entries = read(tar(bytes, file('next', 'n')));
    assert.equal(entries.length, 2);
    assert.partialDeepStrictEqual(entries[0]?.entry, { path: 'sparse', type: 'file', size });
    assert.deepEqual(entries[0]?.entry.sparse, runs);
    assert.equal(entries[0]?.data.toString(), stored);
    assert.equal(entries[1]?.data.toString(), 'n');
  };
  const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`;

  it('reads the old GNU format', () => {
    check(
      file('sparse', stored, {
        flag: 'S',
        magic: 'ustar  \0',
        patch: (block) => {
          block.write(runs.map((run) => octal(run.offset) + octal(run.bytes)).join(''), 386);
          block.write(octal(size), 483, 'latin1');
        },
      }),
    );
  });

  it('reads the old GNU format with a map of many blocks', () => {
    const many = Array.from({ length: 50 }, (_, i) => ({ offset: i * 10, bytes: 1 }));
    const text = (from: number, to: number): string =>
      many
        .slice(from, to)
        .map((run) => octal(run.offset) + octal(run.bytes))
        .join('');
    const first = header({
      name: 'many',
      flag: 'S',
      size: 50,
      magic: 'ustar  \0',
      patch: (block) => {
        block.write(text(0, 4), 386, 'latin1');
        block[482] = 1;
        block.write(octal(500), 483, 'latin1');
      },
    });
    const blocks = [4, 25, 46].map((from, i) => {
      const block = Buffer.alloc(512);
      block.write(text(from, from + 21), 'latin1');
      block[504] = i < 2 ? 1 : 0;
      return block;
    });
    const bytes = tar(first, ...blocks, padded('x'.repeat(50)));
    assert.deepEqual(read(bytes)[0]?.entry.sparse, many);
  });

  it('reads PAX 0.0, 0.1 and 1.0', () => {
    const numbers = runs.flatMap((run) => [run.offset, run.bytes]);
    check(
      Buffer.concat([
        pax([
          ['GNU.sparse.size', String(size)],
          ['GNU.sparse.numblocks', '3'],
          ...numbers.map(
            (value, i) =>
              [i % 2 === 0 ? 'GNU.sparse.offset' : 'GNU.sparse.numbytes', String(value)] as const,
          ),
        ]),
        file('sparse', stored),
      ]),
    );
    check(
      Buffer.concat([
        pax([
          ['GNU.sparse.size', String(size)],
          ['GNU.sparse.map', numbers.join(',')],
          ['GNU.sparse.name', 'sparse'],
        ]),
        file('GNUSparseFile.1/sparse', stored),
      ]),
    );
    check(
      Buffer.concat([
        pax([
          ['GNU.sparse.major', '1'],
          ['GNU.sparse.minor', '0'],
          ['GNU.sparse.name', 'sparse'],
          ['GNU.sparse.realsize', String(size)],
        ]),
        file(
          'GNUSparseFile.1/sparse',
          Buffer.concat([padded(`3\n${numbers.join('\n')}\n`), Buffer.from(stored)]),
        ),
      ]),
    );
  });

  it('refuses maps that overlap, pass the end or do not add up', () => {
    for (const map of ['0,5,4,3', '0,8,4090,8', '0,4', '0,8,9', '8,-1']) {
      const bytes = tar(
        pax([
          ['GNU.sparse.size', String(size)],
          ['GNU.sparse.map', map],
        ]),
        file('sparse', stored),
      );
      assert.throws(() => read(bytes), INVALID, map);
    }
  });
});

describe('TarReader on bad input', () => {
  const cases: Record<string, Buffer> = {
    'a cut header': file('a', 'x').subarray(0, 300),
    'cut data': file('a', 'x'.repeat(600)).subarray(0, 1024),
    'cut padding': file('a', 'x').subarray(0, 700),
    'a wrong checksum': Buffer.from(file('a', 'x').map((byte, i) => (i === 100 ? byte ^ 1 : byte))),
    'a lone zero block': Buffer.concat([Buffer.alloc(512), file('a', 'x')]),
    'text instead of a tar': Buffer.alloc(1024, 'not a tar at all '),
    'a number that is none': tar(header({ patch: (block) => block.write('12x', 124, 'latin1') })),
    'an endless extension': tar(header({ flag: 'x', size: 2 ** 30 })),
    'a negative size': tar(header({ patch: (block) => base256(block, 124, 12, -1n) })),
    'a size beyond numbers': tar(header({ patch: (block) => base256(block, 124, 12, 1n << 70n) })),
    'an unknown type': tar(header({ name: 'a', flag: 'Z' })),
    'a PAX record without end': tar(file('p', '30 path=abc\n', { flag: 'x' })),
    'a PAX record of length zero': tar(file('p', '0 path=abc\n', { flag: 'x' })),
    'a PAX name with a NUL': tar(pax([['path', 'a\0b']]), file('a', 'x')),
    'a PAX size that is no number': tar(pax([['size', '0x10']]), file('a', 'x')),
    'a global path': tar(pax([['path', 'all']], 'g'), file('a', 'x')),
    'extensions without end': tar(
      ...Array.from({ length: 4 }, () => pax([['comment', 'c'.repeat(900_000)]])),
      file('a', 'x'),
    ),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    it(`refuses ${name}`, () => {
      assert.throws(() => read(bytes), INVALID);
    });
  }

  it('fails in no other way, whatever bytes it is given', () => {
    const seeds = [
      tar(pax([['path', 'x']]), file('a', 'hello'), symlink('b', 'a')),
      tar(gnuLong('L', 'n'.repeat(200)), directory('d/'), hardlink('h', 'a')),
    ];
    fc.assert(
      fc.property(
        fc.nat(seeds.length - 1),
        fc.array(fc.tuple(fc.nat(4095), fc.nat(255)), { maxLength: 6 }),
        (seed, changes) => {
          const bytes = Buffer.from(seeds[seed] ?? []);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          try {
            read(bytes);
          } catch (error) {
            assert.ok(isLongshoreError(error) && error.code === INVALID.code, String(error));
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('TarReader and formatHeader', () => {
  const byteName = fc
    .uint8Array({ minLength: 1, maxLength: 300 })
    .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 ? 1 : byte))).toString('latin1'))
    .filter((name) => !name.endsWith('/'));

  it('read back what was written, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.record({
          path: byteName,
          mode: fc.nat(0o7777),
          uid: fc.nat(0xffff_fffe),
          gid: fc.nat(0xffff_fffe),
          mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
          xattrs: fc.dictionary(
            fc.stringMatching(/^user\.[a-z]{1,9}$/),
            fc.uint8Array({ minLength: 1, maxLength: 40 }),
            { maxKeys: 3 },
          ),
          data: fc.uint8Array({ maxLength: 1200 }),
        }),
        fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 8 }),
        ({ xattrs, data, ...member }, pieces) => {
          const head = formatHeader({
            ...member,
            type: 'file',
            size: data.length,
            xattrs: new Map(Object.entries(xattrs).map(([k, v]) => [k, Buffer.from(v)])),
          });
          const [found, ...rest] = read(tar(head, padded(Buffer.from(data))), pieces);
          assert.equal(rest.length, 0);
          assert.partialDeepStrictEqual(found?.entry, { ...member, size: data.length });
          assert.deepEqual(found?.data, Buffer.from(data));
          assert.deepEqual(
            Object.fromEntries(found?.entry.xattrs ?? []),
            Object.fromEntries(Object.entries(xattrs).map(([k, v]) => [k, Buffer.from(v)])),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keep links, devices and sizes beyond 8 GiB', () => {
    const link = 'l'.repeat(150);
    const base = { mode: 0o644, uid: 0, gid: 0, mtime: 0, size: 0 };
    const bytes = tar(
      formatHeader({ ...base, path: 's', type: 'symlink', linkPath: link }),
      formatHeader({ ...base, path: 'd', type: 'block-device', deviceMajor: 8, deviceMinor: 17 }),
    );
    const [first, second] = read(bytes);
    assert.equal(first?.entry.linkPath, link);
    assert.partialDeepStrictEqual(second?.entry, { deviceMajor: 8, deviceMinor: 17 });
    const huge = formatHeader({ ...base, path: 'huge', type: 'file', size: 2 ** 40 });
    const sizes: number[] = [];
    const reader = new TarReader({
      onEntry: (entry) => sizes.push(entry.size),
      onData: () => undefined,
    });
    reader.write(huge);
    assert.deepEqual(sizes, [2 ** 40]);
  });
});
