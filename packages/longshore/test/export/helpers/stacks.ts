import fc from 'fast-check';
import type { Op } from './model.ts';
import { directory, file, hardlink, symlink } from './tarBuilder.ts';

const PATHS = ['a', 'b', 'c', 'a/b', 'a/c', 'b/a', 'b/c', 'a/b/c', 'c/a', 'c/b/a'];
const TARGETS = ['a', 'b', '/b', '../a', 'a/b', '..', '.', 'c/b', '/', 'nowhere'];

/** Random entries over few names, so that they meet often. */
function anyOp(): fc.Arbitrary<Op> {
  const path = fc.constantFrom(...PATHS);
  const target = fc.constantFrom(...TARGETS);
  const mode = fc.constantFrom(0o644, 0o755, 0o600);
  const data = fc.string({ unit: 'grapheme-ascii', maxLength: 5 });
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ op: fc.constant('file' as const), path, mode, data }) },
    { weight: 4, arbitrary: fc.record({ op: fc.constant('dir' as const), path, mode }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('symlink' as const), path, target }) },
    {
      weight: 1,
      arbitrary: fc.record({ op: fc.constant('hardlink' as const), path, target: path }),
    },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('whiteout' as const), path }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('opaque' as const), path }) },
  );
}

/** Random stacks of layers; many of them no unpacker can accept. */
export function stackOf(): fc.Arbitrary<Op[][]> {
  return fc.array(fc.array(anyOp(), { maxLength: 9 }), { minLength: 1, maxLength: 4 });
}

export function toTar(op: Op): Buffer {
  if (op.op === 'file') return file(op.path, op.data, { mode: op.mode });
  if (op.op === 'dir') return directory(`${op.path}/`, { mode: op.mode });
  if (op.op === 'symlink') return symlink(op.path, op.target);
  if (op.op === 'hardlink') return hardlink(op.path, op.target);
  if (op.op === 'opaque') return file(`${op.path}/.wh..wh..opq`, '');
  return file(op.path.replace(/([^/]+)$/, '.wh.$1'), '');
}
