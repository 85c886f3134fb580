import assert from 'node:assert/strict';
import test from 'node:test';
import { readBuildGraph } from '../../../src/build/index.ts';
import { bakeFormOf, bakeFormOfPrint, without } from './support/bakeForm.ts';
import { readRecorded } from './support/recorded.ts';
import { ALL_CASES } from './support/specCases.ts';
import { specFolder } from './support/specFolder.ts';

const recorded = await readRecorded();

for (const one of ALL_CASES) {
  test(`${one.name}, as buildx reads it`, async () => {
    await using folder = await specFolder(one.files);
    const printed = recorded.printed[one.name];
    assert.ok(printed !== undefined, 'not recorded: see test/interop/bakePrint.test.ts');
    const { specs, targets = [], overrides = [] } = one;
    const asked: (readonly string[])[] = [];
    const graph = await readBuildGraph({
      files: specs,
      targets,
      overrides,
      workingDirectory: folder.path,
      environment: { HOME: '/root', ...one.environment },
      runBake(args) {
        asked.push(args);
        const stdout = JSON.stringify(printed).replaceAll('{cwd}', folder.path);
        return Promise.resolve({ exitCode: 0, stdout, stderr: '' });
      },
    });
    const forms = graph.targets.map((target) => [target.name, bakeFormOf(target)] as const);
    const wanted = bakeFormOfPrint(printed, folder.path);
    assert.deepEqual(without(forms, one.ignore), without(wanted, one.ignore));
    assert.equal(asked.length, one.name.startsWith('HCL') ? 1 : 0);
  });
}
