import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { readBuildGraph } from '../../src/build/index.ts';
import { bakeFormOf, bakeFormOfPrint, without } from '../build/spec/support/bakeForm.ts';
import { type Printed, readRecorded, writeRecorded } from '../build/spec/support/recorded.ts';
import { ALL_CASES, type SpecCase } from '../build/spec/support/specCases.ts';
import { specFolder } from '../build/spec/support/specFolder.ts';
import { findProgram, mustRun } from './support/programs.ts';

// Not in Debian, and minutes of Go: `source <(bash bench/buildx.sh)` puts it on PATH.
const skip =
  findProgram('buildx') === undefined ? 'SKIPPED: buildx is not built (bench/buildx.sh)' : false;
// `RECORD_BUILDX=1` renews what `npm test` compares with where there is no buildx.
const recording = process.env['RECORD_BUILDX'] === '1';
const fresh: Record<string, Printed> = {};

before(() => {
  if (skip !== false) process.stderr.write(`\n*** ${skip} ***\n`);
});

after(async () => {
  if (skip !== false || !recording) return;
  await writeRecorded({ buildx: (await mustRun('buildx', ['version'])).trim(), printed: fresh });
});

/** The environment that both have, with an agent to ask for keys: bake looks whether it is there. */
async function prepare(
  one: SpecCase,
): Promise<AsyncDisposable & { readonly path: string; readonly environment: NodeJS.ProcessEnv }> {
  const folder = await specFolder(one.files);
  const socket = path.join(folder.path, '.agent');
  const agent = createServer().listen(socket);
  await once(agent, 'listening');
  const { PATH } = process.env;
  return {
    path: folder.path,
    environment: { PATH, HOME: '/root', SSH_AUTH_SOCK: socket, ...one.environment },
    async [Symbol.asyncDispose]() {
      agent.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

for (const one of ALL_CASES) {
  test(one.name, { skip }, async () => {
    await using folder = await prepare(one);
    const { environment, path: cwd } = folder;
    const { specs, targets = [], overrides = [] } = one;
    const args = [
      'bake',
      '--print',
      ...specs.flatMap((file) => ['-f', file]),
      ...overrides.flatMap((text) => ['--set', text]),
      ...targets,
    ];
    const cleared = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
    const text = await mustRun('buildx', args, { cwd, env: { ...cleared, ...environment } });
    const printed = JSON.parse(text.replaceAll(cwd, '{cwd}')) as Printed;
    fresh[one.name] = printed;

    const graph = await readBuildGraph({
      files: specs,
      targets,
      overrides,
      workingDirectory: cwd,
      environment,
    });
    const forms = graph.targets.map((target) => [target.name, bakeFormOf(target)] as const);
    assert.deepEqual(
      without(forms, one.ignore),
      without(bakeFormOfPrint(printed, cwd), one.ignore),
    );
    if (!recording) assert.deepEqual((await readRecorded()).printed[one.name], printed);
  });
}
