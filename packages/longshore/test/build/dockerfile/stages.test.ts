import assert from 'node:assert/strict';
import test from 'node:test';
import { parseDockerfile } from '../../../src/build/dockerfile/parse.ts';
import { findStage, readStages } from '../../../src/build/dockerfile/stages.ts';
import { BuildInputError } from '../../../src/build/problems.ts';

const read = (lines: readonly string[], args: Record<string, string> = {}) =>
  readStages(parseDockerfile(lines.join('\n'), 'Dockerfile'), {
    args,
    predefined: { BUILDPLATFORM: 'linux/amd64' },
  });

test('stages know what they are based on', () => {
  const { stages, globalArgs } = read(
    [
      'ARG VERSION=12',
      'ARG IMAGE=debian:${VERSION}',
      'ARG UNSET',
      'FROM --platform=$BUILDPLATFORM ${IMAGE} AS Base',
      'RUN true',
      'FROM base',
      'FROM scratch AS last',
      'COPY --from=0 / /',
    ],
    { VERSION: '13' },
  );
  assert.deepEqual(
    stages.map(({ name, base, baseStage, platform, instructions }) => [
      name,
      base,
      baseStage,
      platform,
      instructions.length,
    ]),
    [
      ['base', 'debian:13', undefined, 'linux/amd64', 1],
      [undefined, 'base', 0, undefined, 0],
      ['last', 'scratch', undefined, undefined, 1],
    ],
  );
  assert.deepEqual(
    [...globalArgs],
    [
      ['VERSION', '13'],
      ['IMAGE', 'debian:13'],
    ],
  );
  assert.equal(findStage(stages, 'LAST')?.index, 2);
  assert.equal(findStage(stages, '1')?.index, 1);
  assert.equal(findStage(stages, 'none'), undefined);
});

test('what is wrong is told with its line, all at once', () => {
  assert.throws(
    () =>
      read([
        'USER a',
        'FROM $NONE',
        'FROM a b',
        'FROM a AS 9',
        'ARG constructor',
        'FROM ${constructor',
      ]),
    (error) => {
      assert.ok(error instanceof BuildInputError);
      assert.deepEqual(
        error.problems.map(({ place, message }) => `${place.line}: ${message}`),
        [
          '1: USER before the first FROM',
          '2: $NONE is empty: no build argument sets it',
          '3: FROM takes IMAGE or IMAGE AS NAME',
          '4: 9 is no name for a stage: a letter, then letters, digits, _.-',
          '6: Cannot expand "${constructor": ${constructor...} is not an expansion that exists',
        ],
      );
      return true;
    },
  );
  assert.throws(() => read(['ARG X=1']), { message: 'Dockerfile: it has no FROM' });
});
