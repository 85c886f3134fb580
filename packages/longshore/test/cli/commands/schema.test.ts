import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLine } from '../../../src/cli/schemas/event.ts';
import { schemas } from '../../../src/cli/schemas/jsonSchema.ts';
import { schemaNames } from '../../../src/cli/schemas/names.ts';
import { cli } from '../support/cli.ts';
import {
  finished,
  imageDone,
  imageFailed,
  planned,
  progress,
  resolved,
  started,
} from '../support/events.ts';

test('every name that is listed has a JSON Schema', async () => {
  const { stdout } = await cli(['schema']);
  assert.deepEqual(stdout.trim().split('\n'), schemaNames);
  assert.deepEqual([...schemas.keys()].toSorted(), schemaNames.toSorted());
  for (const name of schemaNames) {
    const printed = JSON.parse((await cli(['schema', name])).stdout);
    assert.equal(printed.$schema, 'https://json-schema.org/draft/2020-12/schema');
    assert.ok(typeof printed.description === 'string');
  }
});

test('events are as their schema says, also after JSON has left out what is undefined', () => {
  const events = [
    started(1),
    resolved(2, 0),
    planned(3),
    progress(4, { etaMs: undefined }),
    imageDone(5, 0),
    imageFailed(6, 1),
    finished(7),
  ];
  for (const event of events) {
    checkLine(event);
    checkLine(JSON.parse(JSON.stringify(event)));
  }
  assert.throws(() => checkLine({ ...started(1), at: 'noon' } as never));
});
