import { findJsonMistake } from './jsonMistake.ts';
import type { Report, TreeNode } from './tree.ts';
import { readYamlTree } from './yamlTree.ts';

/**
 * Reads JSON with the place of every value.
 * @returns `undefined` where the text was reported to be no JSON
 */
export async function readJsonTree(
  text: string,
  file: string,
  report: Report,
): Promise<TreeNode | undefined> {
  const plain = text.replace(/^\u{FEFF}/u, '');
  const mistake = findJsonMistake(plain);
  if (mistake !== undefined) {
    const before = plain.slice(0, mistake.offset).split('\n');
    const place = { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    report(place, `not valid JSON: expected ${mistake.expected}`);
    return undefined;
  }
  // All JSON is YAML; tabs are the one thing where that reader is stricter, and outside of strings
  // (where JSON has none) they are blanks.
  return await readYamlTree(plain.replaceAll('\t', ' '), file, report);
}
