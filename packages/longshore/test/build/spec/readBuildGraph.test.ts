import assert from 'node:assert/strict';
import test from 'node:test';
import { edgesOf, namesOf, problemsOf, read, specFolder, targetOf } from './support/specFolder.ts';

const dockerfile = 'FROM debian:12\n';

test('bases come first, most wanted before others, and FROM finds another target by its tag', async () => {
  await using folder = await specFolder({
    'docker-bake.json': {
      group: { default: { targets: ['alone', 'one', 'two', 'base'] } },
      target: {
        alone: { context: 'base' },
        one: { context: 'app', tags: ['acme/one:1'] },
        two: { context: 'app', dockerfile: 'Two', args: { BASE: 'docker.io/acme/base:1' } },
        base: { context: 'base', tags: ['acme/base:1'] },
      },
    },
    'base/Dockerfile': dockerfile,
    'app/Dockerfile': ['ARG BASE=acme/base:1', 'FROM ${BASE}'],
    'app/Two': [
      'ARG BASE',
      'FROM debian',
      'FROM scratch',
      'COPY --from=acme/one:1 / /',
      'COPY --from=acme/base:1 / /',
    ],
  });
  const graph = await read(folder);
  assert.deepEqual(namesOf(graph), ['base', 'one', 'alone', 'two']);
  assert.deepEqual(edgesOf(graph), [
    'one -> base (acme/base:1)',
    'two -> one (acme/one:1)',
    'two -> base (acme/base:1)',
  ]);
  assert.deepEqual(graph.warnings, []);
});

test('only the stages that lead to the result count', async () => {
  await using folder = await specFolder({
    'docker-bake.json': {
      group: { default: { targets: ['app', 'base', 'tool'] } },
      target: {
        app: { context: '.', target: 'app' },
        base: { context: '.', target: 'plain', tags: ['base'] },
        tool: { context: '.', target: 'plain', tags: ['tool'] },
      },
    },
    Dockerfile: [
      'FROM debian AS plain',
      'FROM base AS other',
      'FROM plain AS app',
      'RUN --mount=type=bind,from=tool,target=/tool /tool',
    ],
  });
  assert.deepEqual(edgesOf(await read(folder)), ['app -> tool (tool)']);
});

test('what others are built from is built too, and said', async () => {
  await using folder = await specFolder({
    'docker-bake.json': {
      target: {
        app: { context: '.', contexts: { base: 'target:base' } },
        base: { context: '.', dockerfile: 'Base' },
        other: { context: 'missing' },
      },
    },
    Dockerfile: 'FROM base',
    Base: dockerfile,
  });
  const graph = await read(folder, { targets: ['app'] });
  assert.deepEqual(namesOf(graph), ['base', 'app']);
  assert.deepEqual(edgesOf(graph), ['app -> base (base)']);
  assert.deepEqual(graph.warnings, ['base is built too: app is built from it']);
});

test('a cycle is shown with what closes it', async () => {
  await using folder = await specFolder({
    'docker-bake.json': [
      '{"target": {',
      '  "a": {"tags": ["a"], "dockerfile-inline": "FROM b"},',
      '  "b": {"tags": ["b"], "dockerfile-inline": "FROM debian", "contexts": {"debian": "target:c"}},',
      '  "c": {"dockerfile-inline": "FROM a"}',
      '}}',
    ],
  });
  assert.deepEqual(await problemsOf(read(folder, { targets: ['a'] })), [
    'docker-bake.json:2:3: targets are built from each other: a is built from b, b is built from c (debian), c is built from a',
  ]);
});

test('all that is wrong is told at once, in order, with places', async () => {
  await using folder = await specFolder({
    'docker-bake.json': [
      '{"target": {',
      '  "a": {"context": "app", "contxt": ".", "platforms": ["vax"], "no-cache": "maybe"},',
      '  "b": {"context": "missing", "call": "lint", "output": ["type=local,dest=x"]},',
      '  "c": {"context": "app", "target": "nope", "shm-size": "lots", "tags": ["same"]},',
      '  "d": {"context": "app", "contexts": {"x": "target:gone"}, "tags": ["docker.io/library/same:latest"]},',
      '  "e": {"context": "app", "dockerfile": "None", "tags": ["Big", "${WHO}"], "inherits": ["aa"]}',
      '}}',
    ],
    'app/Dockerfile': 'FROM debian AS first\n',
  });
  assert.deepEqual(await problemsOf(read(folder, { targets: ['a', 'b', 'c', 'd', 'e'] })), [
    'docker-bake.json:2:27: a target has no contxt; did you mean context?',
    'docker-bake.json:2:56: Not a platform: "vax"; Write OS/ARCH or OS/ARCH/VARIANT, for example linux/amd64 or linux/arm/v7',
    'docker-bake.json:2:76: expected true or false, not "maybe"',
    `docker-bake.json:3:20: the context ${folder.path}/missing does not exist`,
    'docker-bake.json:3:31: call is not supported: targets are built here; ask buildx for other calls',
    'docker-bake.json:3:58: output type local is not supported: results are images of the store',
    'docker-bake.json:4:37: app/Dockerfile has no stage nope; there are first',
    'docker-bake.json:4:57: expected a size such as 128m, not lots',
    'docker-bake.json:5:45: d is built from the target gone, which there is none of',
    'docker-bake.json:5:70: the tag docker.io/library/same:latest of d is also one of c',
    `docker-bake.json:6:41: the Dockerfile ${folder.path}/app/None of e does not exist`,
    'docker-bake.json:6:58: Not an image reference: "Big": repository names are lower case',
    'docker-bake.json:6:66: there is no variable WHO',
    'docker-bake.json:6:88: it inherits from aa, which is no target; did you mean a?',
  ]);
});

test('a Dockerfile that is wrong is a problem of its own place', async () => {
  await using folder = await specFolder({ 'x/Dockerfile': ['FROM a', 'COPPY b c'] });
  assert.deepEqual(await problemsOf(read(folder)), [
    'x/Dockerfile:2:1: unknown instruction COPPY; did you mean COPY?',
  ]);
});

test('another language than Docker’s is only warned of', async () => {
  await using folder = await specFolder({
    'x/Dockerfile': ['# syntax=example.org/mine:1', 'INCLUDE y'],
  });
  const graph = await read(folder);
  assert.deepEqual(graph.warnings, [
    'x/Dockerfile is written for example.org/mine:1: what x is built from may be missed',
  ]);
});

test('a prefix and a tag change names, and edges are still found', async () => {
  await using folder = await specFolder({
    'docker-bake.json': {
      group: { default: { targets: ['base', 'app', 'none'] } },
      target: {
        base: { 'dockerfile-inline': 'FROM debian', tags: ['acme/base:1'] },
        app: {
          'dockerfile-inline': 'FROM acme/base:1',
          tags: ['localhost:5000/app', 'app:1'],
        },
        none: { 'dockerfile-inline': 'FROM ghcr.io/me/acme/base:v2' },
      },
    },
  });
  const graph = await read(folder, { registryPrefix: 'ghcr.io/me/', tag: 'v2' });
  assert.deepEqual(targetOf(graph, 'base').tags, ['ghcr.io/me/acme/base:v2']);
  assert.deepEqual(targetOf(graph, 'app').tags, ['localhost:5000/app:v2', 'ghcr.io/me/app:v2']);
  assert.deepEqual(targetOf(graph, 'none').tags, ['ghcr.io/me/none:v2']);
  assert.deepEqual(edgesOf(graph), [
    'app -> base (acme/base:1)',
    'none -> base (ghcr.io/me/acme/base:v2)',
  ]);
});

test('names that are not there, and nothing to build at all', async () => {
  await using folder = await specFolder({
    'docker-bake.json': { target: { app: { 'dockerfile-inline': 'FROM a' } } },
  });
  assert.deepEqual(await problemsOf(read(folder)), [
    'command line: no target is named, and there is no group or target default; there are app',
  ]);
  assert.deepEqual(await problemsOf(read(folder, { targets: ['ap', 'x*'] })), [
    'command line: there is no target or group ap; did you mean app?; there are app',
    'command line: no target matches x*; there are app',
  ]);
  assert.deepEqual(await problemsOf(read(folder, { files: ['none.json', 'docker-bake.json'] })), [
    'none.json: there is no such file',
  ]);
  await using empty = await specFolder({});
  await assert.rejects(read(empty), { code: 'ERR_SPEC_MISSING' });
});

test('a plan is plain data', async () => {
  await using folder = await specFolder({ 'x/Dockerfile': dockerfile });
  const graph = await read(folder);
  assert.deepEqual(
    JSON.parse(JSON.stringify(graph)),
    structuredClone(JSON.parse(JSON.stringify(graph))),
  );
  assert.deepEqual(structuredClone(graph), graph);
});
