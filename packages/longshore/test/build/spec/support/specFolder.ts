import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type BuildGraph,
  BuildInputError,
  type BuildTarget,
  formatProblem,
  type ReadBuildGraphOptions,
  readBuildGraph,
} from '../../../../src/build/index.ts';

/** A folder with files by their paths, gone when it is disposed of. */
export async function specFolder(
  files: Readonly<Record<string, string | readonly string[] | object>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'longshore-spec-'));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, textOf(content));
  }
  return { path: folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** Lists are lines, other objects JSON. */
function textOf(content: string | readonly string[] | object): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.join('\n') : JSON.stringify(content, undefined, 2);
}

/** No environment, no buildx, nothing named: what a test does not say is not there. */
export async function read(
  folder: { readonly path: string },
  options: Partial<ReadBuildGraphOptions> = {},
): Promise<BuildGraph> {
  return await readBuildGraph({
    files: [],
    targets: [],
    workingDirectory: folder.path,
    environment: {},
    runBake: () => Promise.resolve(undefined),
    ...options,
  });
}

export function targetOf(graph: BuildGraph, name: string): BuildTarget {
  const found = graph.targets.find((target) => target.name === name);
  assert.ok(found !== undefined, `no target ${name} among ${namesOf(graph).join(', ')}`);
  return found;
}

export function namesOf(graph: BuildGraph): string[] {
  return graph.targets.map(({ name }) => name);
}

/** `from -> to (reference)` */
export function edgesOf(graph: BuildGraph): string[] {
  return graph.edges.map(({ from, to, reference }) => `${from} -> ${to} (${reference})`);
}

/** What is found wrong, one line a problem. */
export async function problemsOf(reading: Promise<unknown>): Promise<string[]> {
  try {
    await reading;
  } catch (error) {
    assert.ok(error instanceof BuildInputError, String(error));
    assert.equal(error.code, 'ERR_SPEC_INVALID');
    return error.problems.map(formatProblem);
  }
  return [];
}
