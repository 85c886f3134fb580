import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { findJsonMistake } from '../../../src/build/spec/jsonMistake.ts';
import { readJsonTree } from '../../../src/build/spec/jsonTree.ts';
import type { TreeNode } from '../../../src/build/spec/tree.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('what the engine takes for JSON has no mistake, all else has one', () => {
  const damaged = fc
    .tuple(
      fc.json({ maxDepth: 3 }),
      fc.nat(),
      fc.constantFrom('', '}', ']', ',', ':', '"', '1', '\\', '\n'),
    )
    .map(([text, at, char]) => {
      const index = at % (text.length + 1);
      return text.slice(0, index) + char + text.slice(index + 1);
    });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.json(), fc.string()), (text) => {
      assert.equal(findJsonMistake(text) === undefined, isJson(text), JSON.stringify(text));
    }),
    { numRuns: 500 },
  );
});

const plain = (node: TreeNode | undefined): unknown => {
  if (node?.kind === 'list') return node.items.map(plain);
  if (node?.kind !== 'map') return node?.value;
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]));
};

test('a tree says what the engine reads, in any layout', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom('', '\t', '  '),
      async (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const tree = await readJsonTree(text, 'x.json', (_, message) => assert.fail(message));
        assert.deepEqual(JSON.stringify(plain(tree)), JSON.stringify(value));
      },
    ),
  );
});

test('the place of a mistake, and what was expected', async () => {
  const mistake = async (text: string): Promise<string> => {
    const found: string[] = [];
    await readJsonTree(text, 'x', ({ line, column }, message) => {
      found.push(`${line}:${column} ${message.replace('not valid JSON: expected ', '')}`);
    });
    return found.join();
  };
  assert.equal(await mistake('{\n  "a": 1,\n}'), '3:1 a text in "quotes"');
  assert.equal(await mistake('[1 2]'), '1:4 , or ]');
  assert.equal(await mistake('{"a" 1}'), '1:6 :');
  assert.equal(await mistake('{"a\nb": 1}'), '1:2 the end of this text');
  assert.equal(await mistake('{} x'), '1:4 the end of the file');
  assert.equal(await mistake('// no'), '1:1 a value');
  assert.equal(await mistake(''), '1:1 a value');
});
