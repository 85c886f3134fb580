import assert from 'node:assert/strict';
import test from 'node:test';
import { namesOf, problemsOf, read, specFolder, targetOf } from './support/specFolder.ts';

const inline = { 'dockerfile-inline': 'FROM debian' };

test('what JSON bake files say wrong is told where it is', async () => {
  await using folder = await specFolder({
    'docker-bake.json': [
      '{',
      '  "variable": {"V": {"defualt": 1}, "LOOP": {"default": "x"}, "B": {"default": true}},',
      '  "group": {"default": {"target": ["a"]}, "g h": {"targets": ["m"]}},',
      '  "target": {',
      '    "a": {"name": "x", "tags": ["${v}"], "args": {"A": "${V.x}", "B": "x${LIST}"}},',
      '    "m": {"matrix": {"x": ["1"]}},',
      '    "n": {"name": "n ${x}", "matrix": {"x": ["1"], "y": "z"}},',
      '    "p": {"inherits": ["q"]}, "q": {"inherits": ["p"]}',
      '  },',
      '  "LIST": ["a"]',
      '}',
    ],
  });
  assert.deepEqual(await problemsOf(read(folder, { targets: ['z*'], environment: { B: 'x' } })), [
    'command line: no target matches z*; there are a, n 1, p, q, default, g h, m, n',
    'docker-bake.json:2:22: a variable has default, type and description, no defualt',
    'docker-bake.json:2:63: B has to be a bool, not "x"',
    'docker-bake.json:3:25: a group has no target; did you mean targets?',
    'docker-bake.json:3:43: "g h" is no name: letters, digits, _ and - only',
    'docker-bake.json:5:19: a name needs a matrix that it varies with',
    'docker-bake.json:5:34: there is no variable v; did you mean V?',
    'docker-bake.json:5:57: ${V...} has no such part',
    'docker-bake.json:5:71: a list cannot be a part of a text',
    'docker-bake.json:6:21: a matrix needs a name that differs with its values, like "app-${item}"',
    'docker-bake.json:7:5: "n 1" is no name: letters, digits, _ and - only',
    'docker-bake.json:7:57: y of a matrix is a list, not "z"',
    'docker-bake.json:8:49: targets inherit from each other: p -> q -> p',
  ]);
});

test('a variable of another type than the environment has, and one that needs itself', async () => {
  await using folder = await specFolder({
    'docker-bake.json': [
      '{"variable": {"N": {"default": 1}, "LOOP": {"default": "x${LOOP}"}},',
      ' "target": {"default": {"dockerfile-inline": "FROM x", "tags": ["a:${N}", "b:${LOOP}"]}}}',
    ],
  });
  assert.deepEqual(await problemsOf(read(folder, { environment: { N: 'one' } })), [
    'docker-bake.json:1:15: N has to be a number, not "one"',
    'docker-bake.json:1:36: the variable LOOP is made of itself',
  ]);
});

test('what is no JSON, and what is no bake file', async () => {
  await using folder = await specFolder({
    'docker-bake.json': '{"target": {\n  "a": }\n',
    'list.json': '[]',
  });
  assert.deepEqual(await problemsOf(read(folder)), [
    'docker-bake.json:2:8: not valid JSON: expected a value',
  ]);
  assert.deepEqual(await problemsOf(read(folder, { files: ['list.json'] })), [
    'list.json:1:1: a bake file is a mapping with target, group and variable, not a list',
  ]);
});

test('HCL needs buildx, and what to do without is said', async () => {
  await using folder = await specFolder({
    'docker-bake.hcl': 'target "default" {}',
    'more.json': [
      '{"function": {"f": {}}, "variable": {"V": {"default": "1", "validation": {}}},',
      ' "target": {"a": {"tags": ["${upper(V)}", "%{if V}", "${BAKE_CMD_CONTEXT}"]}}}',
    ],
  });
  const without =
    'which is not here: install the buildx plugin of Docker, or its program buildx, on the PATH (no daemon is needed); JSON bake files and compose files are read without it';
  assert.deepEqual(await problemsOf(read(folder)), [
    `docker-bake.hcl: HCL is read by buildx, ${without}`,
  ]);
  assert.deepEqual(await problemsOf(read(folder, { files: ['more.json'], targets: ['a'] })), [
    `more.json:1:15: only buildx knows functions such as f, ${without}`,
    `more.json:1:60: only buildx validates variables, ${without}`,
    `more.json:2:29: "\${upper(V)}" is more than a variable: only buildx can work it out, ${without}`,
    `more.json:2:44: "%{if V}" is more than a variable: only buildx can work it out, ${without}`,
    `more.json:2:55: \${BAKE_CMD_CONTEXT} is known to buildx only, ${without}`,
  ]);
});

test('what buildx refuses keeps its place, and what it prints the place of its target', async () => {
  await using folder = await specFolder({
    'docker-bake.hcl': ['', 'target "app" {', '  platforms = ["vax"]', '}'],
  });
  const answer = (exitCode: number, stdout: string, stderr: string) => ({
    runBake: () => Promise.resolve({ exitCode, stdout, stderr }),
  });
  const printed = JSON.stringify({
    group: { default: { targets: ['app'] } },
    target: { app: { ...inline, context: '.', platforms: ['vax'] } },
  });
  const [first = ''] = await problemsOf(read(folder, answer(0, printed, '')));
  assert.match(first, /^docker-bake\.hcl:2:1: Not a platform: "vax"/);
  const stderr = '#1 reading\nERROR: docker-bake.hcl:3,5-9: Unknown variable; no "x".\n';
  assert.deepEqual(await problemsOf(read(folder, answer(1, '', stderr))), [
    'docker-bake.hcl:3:5: buildx refuses it: Unknown variable; no "x".',
  ]);
  assert.deepEqual(await problemsOf(read(folder, answer(1, '', 'ERROR: no luck'))), [
    `${folder.path}/docker-bake.hcl: buildx refuses it: no luck`.replace(`${folder.path}/`, ''),
  ]);
});

test('overrides that cannot be', async () => {
  await using folder = await specFolder({
    'docker-bake.json': { target: { default: inline } },
  });
  const overrides = [
    'default',
    'default.argz.A=secret',
    'default.args=1',
    'default.tags.x=1',
    'default.target+=x',
    'default.inherits=x',
    'other.tags=x',
    'default.tags',
  ];
  assert.deepEqual(await problemsOf(read(folder, { overrides })), [
    '--set default: expected TARGET.KEY=VALUE',
    '--set default.args: expected TARGET.args.NAME=VALUE',
    '--set default.argz.A: a target has no argz that can be set; did you mean args?',
    '--set default.inherits: a target has no inherits that can be set',
    '--set default.tags: expected TARGET.KEY=VALUE',
    '--set default.tags.x: tags has no parts',
    '--set default.target+: nothing can be added to target',
    '--set other.tags: no target is called other',
  ]);
});

test('an argument that is set without a value is that of the environment', async () => {
  await using folder = await specFolder({ 'docker-bake.json': { target: { default: inline } } });
  const overrides = ['default.args.HERE', 'default.args.GONE'];
  const graph = await read(folder, { overrides, environment: { HERE: 'yes' } });
  assert.deepEqual(targetOf(graph, 'default').args, { HERE: 'yes' });
});

test('files are found as buildx finds them, and an override comes last', async () => {
  await using folder = await specFolder({
    'docker-bake.override.json': { target: { app: { tags: ['two'] } } },
    'docker-bake.json': {
      group: { default: { targets: ['app'] } },
      target: { app: { ...inline, tags: ['one'] } },
    },
    'compose.yaml': 'services: {svc: {build: {dockerfile_inline: FROM x}}}',
    'compose.override.yaml': 'services: {svc: {image: named}}',
    'x/Dockerfile': 'FROM not-looked-at',
  });
  const graph = await read(folder);
  assert.deepEqual(namesOf(graph), ['svc', 'app']);
  assert.deepEqual(targetOf(graph, 'app').tags, ['two']);
  assert.deepEqual(targetOf(graph, 'svc').tags, ['named']);
});

test('a secret or key that is not there is found before the build', async () => {
  await using folder = await specFolder({
    'docker-bake.json': {
      target: { default: { ...inline, secret: ['id=a,src=none'], ssh: ['k=none.pem'] } },
    },
  });
  assert.deepEqual(
    (await problemsOf(read(folder))).map((line) => line.replace(/^[^ ]* /, '')),
    [
      `the secret a of default: ${folder.path}/none does not exist`,
      `the key k of default: ${folder.path}/none.pem does not exist`,
    ],
  );
});

test('an output that is an image gives tags; attributes that would be lost are refused', async () => {
  await using folder = await specFolder({
    'docker-bake.json': {
      target: {
        a: { ...inline, tags: ['x'], output: ['type=registry,name=y,push=true', 'type=cacheonly'] },
        b: { ...inline, output: ['type=image,compression=zstd', 'out'] },
      },
    },
  });
  assert.deepEqual(targetOf(await read(folder, { targets: ['a'] }), 'a').tags, ['x', 'y']);
  assert.deepEqual(
    (await problemsOf(read(folder, { targets: ['b'] }))).map((line) => line.replace(/^[^ ]* /, '')),
    [
      'compression of an output is not supported, only type and name',
      'output type local is not supported: results are images of the store',
    ],
  );
});
