import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IgnoreRules, parseIgnoreFile } from '../../../src/build/context/ignoreRules.ts';
import { readIgnoreFile } from '../../../src/build/context/readIgnore.ts';
import vectors from './ignoreVectors.json' with { type: 'json' };

describe('ignore rules', () => {
  it(`agree with ${vectors.source}`, () => {
    for (const { file, patterns, error, ignored } of vectors.cases) {
      assert.deepEqual(parseIgnoreFile(file), patterns, file);
      if (error === true) {
        assert.throws(() => new IgnoreRules(patterns), { code: 'ERR_PATTERN_INVALID' }, file);
        continue;
      }
      const rules = new IgnoreRules(patterns);
      const found = vectors.paths.filter((path) => rules.ignores(path));
      assert.deepEqual(found, ignored, JSON.stringify(file));
    }
  });

  it('never say that an ignored directory is empty when an exception leads into it', () => {
    for (const { patterns, error } of vectors.cases) {
      if (error === true) continue;
      const rules = new IgnoreRules(patterns);
      for (const path of vectors.paths) {
        const slash = path.lastIndexOf('/');
        if (slash < 0 || rules.ignores(path)) continue;
        const directory = path.slice(0, slash);
        const reached = !rules.ignores(directory) || rules.mayHoldExceptions(directory);
        assert.ok(reached, `${path} of ${JSON.stringify(patterns)}`);
      }
    }
  });
});

describe('the ignore file', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longshore-ignore-'));
    await writeFile(
      join(folder, '.dockerignore'),
      '\ufeff# comment\n\n *.log \r\n/tmp/\n! keep.log\n',
    );
    await mkdir(join(folder, 'docker'));
    await writeFile(join(folder, 'docker/a.Dockerfile.dockerignore'), 'only-this');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('of the Dockerfile comes before that of the context', async () => {
    const own = await readIgnoreFile(folder, join(folder, 'docker/a.Dockerfile'));
    assert.deepEqual(own.patterns, ['only-this']);
    const shared = await readIgnoreFile(folder, join(folder, 'Dockerfile'));
    assert.deepEqual(shared.patterns, ['*.log', 'tmp', '!keep.log']);
    assert.equal((await readIgnoreFile(join(folder, 'docker'), undefined)).path, undefined);
  });

  it('names itself when a pattern is broken', async () => {
    await writeFile(join(folder, 'docker/.dockerignore'), '[a');
    await assert.rejects(readIgnoreFile(join(folder, 'docker'), undefined), {
      code: 'ERR_DOCKERIGNORE_INVALID',
      message: /docker\/\.dockerignore: .*\[a/,
    });
  });
});
