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
  try {
    JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    report({ file, ...placeIn(text, message) }, `not valid JSON: ${message}`);
    return undefined;
  }
  // All JSON is YAML; tabs are the one thing where that reader is stricter, and outside of strings
  // (where JSON has none) they are blanks.
  return await readYamlTree(text.replaceAll('\t', ' '), file, report);
}

/** Where the engine says a position; the end of the text where it ended too soon. */
function placeIn(text: string, message: string): { line: number; column: number } {
  const position = /at position (\d+)/.exec(message)?.[1];
  const before = text.slice(0, position === undefined ? text.length : Number(position));
  const lines = before.split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}
