import { gzipSync } from 'node:zlib';
import type { LayerBytes } from './image.ts';
import {
  base256,
  directory,
  file,
  gnuLong,
  hardlink,
  header,
  pax,
  symlink,
  tar,
} from './tarBuilder.ts';

/**
 * Layers with what has made unpackers go wrong, by what they are about. All of them are valid;
 * `umoci` 0.4.7 unpacks them, too.
 */
export function nastyLayers(): Record<string, readonly LayerBytes[]> {
  return {
    'links, owners and times': [
      tar(
        directory('d/', { mode: 0o1777, uid: 7, gid: 8, mtime: 1_000_000_000 }),
        file('d/f', 'one', { mode: 0o4750, uid: 4242, gid: 4343, uname: 'root', mtime: 1 }),
        hardlink('d/g', 'd/f'),
        hardlink('h', './d/f'),
        symlink('s', 'd/../d/f', { uid: 9 }),
        symlink('dangling', '/no/where'),
        symlink('caf\xc3\xa9', 'd'),
      ),
      tar(file('d/f', 'two'), hardlink('i', 'd/f'), hardlink('old', 'h')),
      tar(file('.wh.h', ''), file('d/.wh.f', '')),
    ],
    'whiteouts and opaque directories in any order': [
      tar(
        ...['a/', 'a/b/', 'c/', 'c/d/', 'e/'].map((name) => directory(name)),
        ...['a/1', 'a/b/2', 'c/3', 'c/d/4', 'e/5', '6'].map((name) => file(name, name)),
      ),
      tar(
        file('a/new', 'n'),
        file('.wh.a', ''),
        file('c/.wh..wh..opq', ''),
        directory('c/d/'),
        file('c/d/n', 'n'),
        file('.wh.nothing', ''),
        file('no/.wh.where', ''),
      ),
      tar(file('e', 'now a file'), file('.wh.6', ''), directory('6/'), file('6/in', 'x')),
    ],
    'links in parents': [
      tar(
        directory('usr/'),
        directory('usr/lib/'),
        symlink('lib', 'usr/lib'),
        symlink('abs', '/usr'),
        symlink('up', '../../..'),
        symlink('chain', 'abs/lib'),
      ),
      tar(
        file('lib/1', '1'),
        file('abs/2', '2'),
        file('up/3', '3'),
        file('chain/4', '4'),
        hardlink('linked', 'chain/4'),
      ),
      tar(file('chain/.wh.1', ''), symlink('lib', 'elsewhere'), directory('elsewhere/')),
      tar(file('lib/5', '5')),
    ],
    'names of all kinds': [
      tar(
        file('\xff\xfe\x01', 'bytes'),
        file('with space and "quotes"', 'q'),
        file('new\nline', 'n'),
        file('-rf', 'r'),
        gnuLong('L', `${'d'.repeat(200)}/${'e'.repeat(200)}`),
        file('cut', 'long'),
        pax([['path', `${'p'.repeat(255)}/${'q'.repeat(255)}`]]),
        file('cut', 'longer'),
        file('tail', 'prefixed', { prefix: 'x'.repeat(150) }),
        file('./dotted/./name', 'd'),
        file('/absolute', 'a'),
        file('twice', 'first'),
        file('twice', 'second'),
      ),
    ],
    'sizes, ids, sparse files and empty ones': [
      tar(
        file('empty', ''),
        file('exact', 'x'.repeat(512)),
        file('big', Buffer.alloc(3_000_000, 'abc')),
        header({ name: 'ids', patch: (block) => base256(block, 108, 8, 3_000_000n) }),
        pax([
          ['GNU.sparse.size', '3000000'],
          ['GNU.sparse.numblocks', '2'],
          ['GNU.sparse.map', '4096,3,2000000,4'],
        ]),
        file('sparse', 'abcdefg'),
        pax([
          ['uid', '2999999'],
          ['mtime', '1500000000.25'],
        ]),
        file('fraction', 'f', { mtime: 3 }),
      ),
    ],
    'attributes and special files': [
      tar(
        pax([
          ['SCHILY.xattr.user.text', 'value'],
          ['SCHILY.xattr.user.bytes', Buffer.from([1, 0, 255, 10, 61])],
        ]),
        file('attributed', 'x'),
        pax([
          [
            'SCHILY.xattr.security.capability',
            Buffer.from('0100000200040000000000000000000000000000', 'hex'),
          ],
        ]),
        file('capable', 'x', { mode: 0o755 }),
        directory('dev/'),
        header({ name: 'dev/null', flag: '3', major: 1, minor: 3, mode: 0o666 }),
        header({ name: 'dev/disk', flag: '4', major: 8, minor: 17, mode: 0o660, gid: 6 }),
        header({ name: 'pipe', flag: '6', mode: 0o600 }),
      ),
    ],
    'every compression in one image': [
      ((bytes) => ({ tar: bytes, stored: gzipSync(bytes) }))(tar(file('a', 'gzip'))),
      tar(file('b', 'plain')),
      ((bytes) => ({
        tar: bytes,
        stored: Buffer.concat([gzipSync(bytes.subarray(0, 600)), gzipSync(bytes.subarray(600))]),
      }))(tar(file('c', 'members'))),
    ],
  };
}
