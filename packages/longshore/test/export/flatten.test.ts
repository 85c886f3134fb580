import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isLongshoreError } from '../../src/errors.ts';
import { brief, type Found, flatten, layerOf } from './helpers/layers.ts';
import { Model, type Op } from './helpers/model.ts';
import { stackOf, toTar } from './helpers/stacks.ts';
import {
  directory,
  file,
  gnuLong,
  hardlink,
  header,
  pax,
  symlink,
  tar,
} from './helpers/tarBuilder.ts';

async function flat(...layers: readonly (readonly Buffer[])[]): Promise<Record<string, string>> {
  return brief(await flatten(layers.map((parts) => layerOf(tar(...parts)))));
}

const whiteout = (path: string): Buffer => file(path, '');

describe('a stack of layers', () => {
  it('lays newer files over older ones, and keeps directories that are named again', async () => {
    const found = await flatten([
      layerOf(tar(directory('a/', { mode: 0o700 }), file('a/x', 'old'), file('a/y', 'y'))),
      layerOf(tar(directory('a/', { mode: 0o711 }), file('a/x', 'new', { mode: 0o600 }))),
    ]);
    assert.deepEqual(brief(found), { a: 'directory', 'a/x': ':new', 'a/y': ':y' });
    assert.equal(found.get('a')?.mode, 0o711);
    assert.equal(found.get('a/x')?.mode, 0o600);
  });

  it('takes away what a whiteout names, and nothing of its own layer', async () => {
    const base = [directory('d/'), file('d/a', 'a'), file('d/b', 'b'), file('c', 'c')];
    assert.deepEqual(await flat(base, [whiteout('d/.wh.a'), whiteout('.wh.c')]), {
      d: 'directory',
      'd/b': ':b',
    });
    for (const layer of [
      [whiteout('.wh.d'), directory('d/'), file('d/n', 'n')],
      [directory('d/'), file('d/n', 'n'), whiteout('.wh.d')],
    ]) {
      assert.deepEqual(await flat(base, layer), { d: 'directory', 'd/n': ':n', c: ':c' });
    }
  });

  it('empties opaque directories of what is older, wherever the mark stands', async () => {
    const base = [directory('d/'), directory('d/s/'), file('d/s/a', 'a'), file('d/b', 'b')];
    for (const layer of [
      [file('d/.wh..wh..opq', ''), file('d/s/n', 'n')],
      [file('d/s/n', 'n'), file('d/.wh..wh..opq', '')],
    ]) {
      assert.deepEqual(await flat(base, layer), {
        d: 'directory',
        'd/s': 'directory',
        'd/s/n': ':n',
      });
    }
  });

  it('replaces files by directories and directories by files', async () => {
    assert.deepEqual(
      await flat(
        [file('x', 'file'), directory('y/'), file('y/in', 'z')],
        [directory('x/'), file('x/in', 'new'), file('y', 'file')],
      ),
      { x: 'directory', 'x/in': ':new', y: ':file' },
    );
  });

  it('binds hard links to the inode of their own layer', async () => {
    assert.deepEqual(await flat([file('a', 'one'), hardlink('b', 'a')], [file('a', 'two')]), {
      a: ':two',
      b: ':one',
    });
    assert.deepEqual(
      await flat([file('a', 'one')], [file('a', 'two'), hardlink('b', 'a')], [whiteout('.wh.a')]),
      { b: ':two' },
    );
    assert.deepEqual(await flat([file('a', 'one')], [hardlink('b', 'a'), hardlink('c', './b')]), {
      a: ':one (a b c)',
      b: ':one (a b c)',
      c: ':one (a b c)',
    });
  });

  it('links symlinks as such', async () => {
    assert.deepEqual(await flat([symlink('s', 'nowhere'), hardlink('t', 's')]), {
      s: '>nowhere (s t)',
      t: '>nowhere (s t)',
    });
  });

  it('follows symlinks in parents inside the image only', async () => {
    assert.deepEqual(
      await flat(
        [directory('usr/'), directory('usr/lib/'), symlink('lib', 'usr/lib')],
        [file('lib/libc.so', 'c')],
        [symlink('out', '../../../../etc'), file('out/passwd', 'p'), symlink('abs', '/usr')],
        [file('abs/lib/libm.so', 'm'), whiteout('lib/.wh.libc.so')],
      ),
      {
        usr: 'directory',
        'usr/lib': 'directory',
        'usr/lib/libm.so': ':m',
        lib: '>usr/lib',
        out: '>../../../../etc',
        etc: 'directory',
        'etc/passwd': ':p',
        abs: '>/usr',
      },
    );
  });

  it('takes the last of two entries of one name in a layer', async () => {
    assert.deepEqual(await flat([file('a', 'first'), file('b', 'b'), file('a', 'second')]), {
      a: ':second',
      b: ':b',
    });
  });

  it('keeps names that are no text byte for byte apart', async () => {
    const found = await flat([
      file('caf\xe9', '1'),
      file('caf\xc3\xa9', '2'),
      file('\xff\xfe', '3'),
    ]);
    assert.deepEqual(found, { 'caf\xe9': ':1', 'caf\xc3\xa9': ':2', '\xff\xfe': ':3' });
  });

  it('reads absolute and dotted names as names below the root', async () => {
    assert.deepEqual(await flat([file('/etc/a', '1'), file('./b', '2'), file('x/../c', '3')]), {
      etc: 'directory',
      'etc/a': ':1',
      b: ':2',
      c: ':3',
    });
  });

  it('carries long names, attributes, devices and the root over', async () => {
    const long = `${'d'.repeat(150)}/${'f'.repeat(200)}`;
    const found = await flatten([
      layerOf(
        tar(
          directory('./', { mode: 0o750, uid: 3 }),
          gnuLong('L', long),
          file('cut', 'long'),
          pax([['SCHILY.xattr.user.k', 'v']]),
          file('with', 'x'),
          header({ name: 'dev', flag: '4', major: 8, minor: 1 }),
        ),
      ),
    ]);
    assert.partialDeepStrictEqual(found.get(''), { mode: 0o750, uid: 3 });
    assert.equal(found.get(long)?.data, 'long');
    assert.deepEqual(found.get('with')?.xattrs, { 'user.k': 'v' });
    assert.equal(found.get('dev')?.type, 'block-device');
  });

  it('fills the holes of sparse files', async () => {
    const found = await flat([
      pax([
        ['GNU.sparse.size', '10'],
        ['GNU.sparse.map', '2,3,7,1'],
      ]),
      file('s', 'abcd'),
    ]);
    assert.deepEqual(found, { s: ':\0\0abc\0\0d\0\0' });
  });
});

describe('an image that has to be refused', () => {
  const loop = [symlink('a', 'b'), symlink('b', 'a'), file('a/x', 'x')];
  const deep = Array.from({ length: 20 }, () => 'd'.repeat(250)).join('/');
  const cases: Record<string, readonly [string, readonly Buffer[]]> = {
    'a name that leads out': ['ERR_LAYER_PATH', [file('../evil', 'x')]],
    'a name that leads out later': ['ERR_LAYER_PATH', [file('a/../../evil', 'x')]],
    'a part over 255 bytes': ['ERR_LAYER_PATH', [gnuLong('L', 'n'.repeat(256)), file('cut', 'x')]],
    'a path over 4095 bytes': ['ERR_LAYER_PATH', [gnuLong('L', deep), file('cut', 'x')]],
    'a path that links make too long': [
      'ERR_LAYER_PATH',
      [
        pax([['linkpath', Array.from({ length: 10 }, () => 'd'.repeat(250)).join('/')]]),
        symlink('s', 'cut'),
        pax([['path', `s/s/${Array.from({ length: 10 }, () => 'e'.repeat(250)).join('/')}`]]),
        file('cut', 'x'),
      ],
    ],
    'a hard link to nothing': ['ERR_LAYER_LINK', [hardlink('l', 'nothing')]],
    'a hard link to a directory': ['ERR_LAYER_LINK', [directory('d/'), hardlink('l', 'd')]],
    'a hard link to itself': ['ERR_LAYER_LINK', [file('l', 'x'), hardlink('l', 'l')]],
    'a hard link out of the image': ['ERR_LAYER_PATH', [hardlink('l', '../etc/shadow')]],
    'a symlink to nothing at all': ['ERR_LAYER_LINK', [symlink('s', '')]],
    'a symlink over 4095 bytes': [
      'ERR_LAYER_LINK',
      [gnuLong('K', 'x'.repeat(4096)), symlink('s', 'cut')],
    ],
    'a parent that is a file': ['ERR_LAYER_PARENT', [file('f', 'x'), file('f/in', 'x')]],
    'symlinks in a circle': ['ERR_LAYER_LOOP', loop],
    'a root that is a file': ['ERR_LAYER_PATH', [file('./', 'x')]],
    'a whiteout of nothing': ['ERR_LAYER_WHITEOUT', [file('d/.wh.', '')]],
    'a whiteout of the parent': ['ERR_LAYER_WHITEOUT', [file('d/.wh...', '')]],
  };
  for (const [name, [code, parts]] of Object.entries(cases)) {
    it(name, { timeout: 10_000 }, async () => {
      await assert.rejects(flat(parts), { code });
    });
  }
});

function expected(layers: readonly (readonly Op[])[]): Map<string, Found> | undefined {
  const model = new Model();
  try {
    for (const layer of layers) model.layer(layer);
  } catch {
    return undefined;
  }
  return model.result();
}

describe('random stacks of layers', () => {
  it('come out as the naive model has them, or are refused with it', {
    timeout: 60_000,
  }, async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(stackOf(), async (layers) => {
        const want = expected(layers);
        let got: Map<string, Found> | undefined;
        try {
          got = await flatten(layers.map((ops) => layerOf(tar(...ops.map(toTar)))));
          got.delete('');
        } catch (error) {
          assert.ok(isLongshoreError(error), String(error));
        }
        const sorted = (found: Map<string, Found> | undefined): unknown =>
          found && [...found].toSorted(([a], [b]) => (a < b ? -1 : 1));
        assert.deepEqual(sorted(got), sorted(want));
        if (want !== undefined) accepted++;
      }),
      { numRuns: 700 },
    );
    assert.ok(accepted > 120, `only ${accepted} of 700 stacks were valid ones`);
  });
});
