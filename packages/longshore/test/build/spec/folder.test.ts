import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { edgesOf, namesOf, problemsOf, read, specFolder, targetOf } from './support/specFolder.ts';

const dockerfile = 'FROM debian:12\n';

test('every folder with a Dockerfile is a target', async () => {
  await using folder = await specFolder({
    'api/Dockerfile': 'FROM tools/base\n',
    'tools/base/Containerfile': dockerfile,
    'tools/README.md': 'nothing',
    'Web UI/Dockerfile': dockerfile,
    '.hidden/Dockerfile': dockerfile,
    'api/node_modules/x/Dockerfile': dockerfile,
  });
  const graph = await read(folder);
  assert.deepEqual(namesOf(graph), ['tools/base', 'Web UI', 'api']);
  assert.deepEqual(edgesOf(graph), ['api -> tools/base (tools/base)']);
  const base = targetOf(graph, 'tools/base');
  assert.deepEqual(base.context, { kind: 'folder', path: path.join(folder.path, 'tools/base') });
  assert.deepEqual(base.dockerfile, {
    kind: 'file',
    path: path.join(folder.path, 'tools/base/Containerfile'),
  });
  assert.deepEqual(base.tags, ['tools/base:latest']);
  assert.deepEqual(targetOf(graph, 'Web UI').tags, ['web-ui:latest']);
  assert.deepEqual(namesOf(await read(folder, { targets: ['tools/*'] })), ['tools/base']);
  assert.deepEqual(namesOf(await read(folder, { targets: ['**'] })).length, 3);
});

test('several Dockerfiles in one folder share it', async () => {
  await using folder = await specFolder({
    'one.Dockerfile': dockerfile,
    'Dockerfile.two': dockerfile,
    'Dockerfile.dockerignore': '*',
    'one.Dockerfile.dockerignore': '*',
    Dockerfile: dockerfile,
  });
  const graph = await read(folder, { files: ['.'] });
  assert.deepEqual(namesOf(graph), [path.basename(folder.path), 'one', 'two']);
  assert.deepEqual(targetOf(graph, 'two').context, { kind: 'folder', path: folder.path });
});

test('several folders, and a Dockerfile by itself', async () => {
  await using folder = await specFolder({
    'a/x/Dockerfile': dockerfile,
    'b/y/Dockerfile': dockerfile,
    'c/x/Dockerfile': dockerfile,
    'd/Dockerfile': dockerfile,
  });
  const files = ['a', 'b', 'd/Dockerfile'];
  assert.deepEqual(namesOf(await read(folder, { files })), ['d', 'x', 'y']);
  assert.deepEqual(namesOf(await read(folder, { files, targets: ['y', 'd'] })), ['y', 'd']);
  assert.deepEqual(await problemsOf(read(folder, { files: ['a', 'c'] })), [
    `c/x/Dockerfile: another target is called x: ${folder.path}/a/x/Dockerfile`,
  ]);
});

test('folders beside a file of targets', async () => {
  await using folder = await specFolder({
    'docker-bake.json': { target: { app: { 'dockerfile-inline': 'FROM x:latest' } } },
    'images/x/Dockerfile': dockerfile,
  });
  const files = ['docker-bake.json', 'images'];
  assert.deepEqual(namesOf(await read(folder, { files, targets: ['app'] })), ['x', 'app']);
  assert.deepEqual(namesOf(await read(folder, { files })), ['x']);
});
