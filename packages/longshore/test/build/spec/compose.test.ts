import assert from 'node:assert/strict';
import test from 'node:test';
import { edgesOf, namesOf, problemsOf, read, specFolder, targetOf } from './support/specFolder.ts';

const build = 'build: {dockerfile_inline: FROM x}';

test('an image is the first tag; without one it is called by project and service', async () => {
  await using folder = await specFolder({
    'compose.yaml': [
      'name: shop',
      'services:',
      '  a: {image: "acme/a:1", build: {dockerfile_inline: FROM x, tags: [b, "c:2"], x-bake: {tags: d e}}}',
      `  b: {${build}}`,
      '  c: {image: postgres}',
    ],
  });
  const graph = await read(folder);
  assert.deepEqual(namesOf(graph), ['a', 'b']);
  assert.deepEqual(targetOf(graph, 'a').tags, ['acme/a:1', 'b', 'c:2', 'd', 'e']);
  assert.deepEqual(targetOf(graph, 'b').tags, ['shop-b']);
});

test('the project is called by the environment, the file, or its folder', async () => {
  await using folder = await specFolder({
    'My.Project 1/compose.yaml': `services: {a: {${build}}}`,
    'named/compose.yaml': `{name: "\${X:-deflt}", services: {a: {${build}}}}`,
    'wrong/compose.yaml': `{name: Wrong, services: {a: {${build}}}}`,
  });
  const tags = async (file: string, environment = {}) =>
    targetOf(await read(folder, { files: [file], environment }), 'a').tags;
  assert.deepEqual(await tags('My.Project 1/compose.yaml'), ['myproject1-a']);
  assert.deepEqual(await tags('named/compose.yaml'), ['deflt-a']);
  assert.deepEqual(await tags('named/compose.yaml', { COMPOSE_PROJECT_NAME: 'env' }), ['env-a']);
  assert.deepEqual(await problemsOf(read(folder, { files: ['wrong/compose.yaml'] })), [
    'wrong/compose.yaml:1:8: Wrong is no name for a project: lower case letters, digits, - and _',
  ]);
});

test('services of other profiles are built when they are named', async () => {
  await using folder = await specFolder({
    'compose.yaml': [
      'services:',
      `  a: {${build}}`,
      `  b: {${build}, profiles: [dev]}`,
      `  c: {${build}, profiles: [test, ci]}`,
    ],
  });
  assert.deepEqual(namesOf(await read(folder)), ['a']);
  assert.deepEqual(namesOf(await read(folder, { profiles: ['dev'] })), ['a', 'b']);
  const environment = { COMPOSE_PROFILES: 'ci, dev' };
  assert.deepEqual(namesOf(await read(folder, { environment })), ['a', 'b', 'c']);
  assert.deepEqual(namesOf(await read(folder, { profiles: ['*'] })), ['a', 'b', 'c']);
  assert.deepEqual(namesOf(await read(folder, { targets: ['c'] })), ['c']);
});

test('depends_on is no edge of a build, service: is', async () => {
  await using folder = await specFolder({
    'compose.yaml': [
      'services:',
      `  a: {${build}, depends_on: [c]}`,
      '  b: {build: {dockerfile_inline: FROM base, additional_contexts: {base: "service:a"}}}',
      `  c: {${build}}`,
    ],
  });
  assert.deepEqual(edgesOf(await read(folder)), ['b -> a (base)']);
});

test('what is not set is told, and what the service runs on is what it is built for', async () => {
  await using folder = await specFolder({
    'compose.yaml': [
      'services:',
      `  a: {${build}, platform: linux/arm64, command: "$ONE \${TWO}"}`,
      '  b: {build: {dockerfile_inline: FROM x, platforms: [linux/amd64], privileged: true}, platform: linux/arm64}',
    ],
  });
  const graph = await read(folder);
  assert.deepEqual(graph.warnings, [
    'the variable ONE is not set: it is empty',
    'the variable TWO is not set: it is empty',
  ]);
  assert.equal(targetOf(graph, 'a').platforms[0]?.architecture, 'arm64');
  assert.equal(targetOf(graph, 'b').platforms[0]?.architecture, 'amd64');
  assert.deepEqual(targetOf(graph, 'b').entitlements, ['security.insecure']);
});

test('what is wrong is told where it is', async () => {
  await using folder = await specFolder({
    'compose.yaml': [
      'servces: {}',
      'services:',
      '  a:',
      '    biuld: .',
      '    build: {contxt: ., dockerfile: D, dockerfile_inline: FROM x, isolation: hyperv}',
      '  b: [1]',
      '  c: {build: [1]}',
      '  d: {build: {dockerfile_inline: "FROM x", args: {A: "${NEED:?tell me}", B: "${C"}}}',
      '  e: {build: {dockerfile_inline: FROM x, secrets: [none, ext], ulimits: {n: {soft: 1}}}}',
      '  f: {build: {dockerfile_inline: FROM x, extra_hosts: [nope], tags: x, x-bake: {tagz: y}}}',
      'secrets: {ext: {external: true}}',
    ],
  });
  assert.deepEqual(await problemsOf(read(folder)), [
    'compose.yaml:1:1: a compose file has no servces; did you mean services?',
    'compose.yaml:4:5: a service has no biuld; did you mean build?',
    'compose.yaml:5:13: build has no contxt; did you mean context?',
    'compose.yaml:5:39: dockerfile and dockerfile_inline: only one of them can be',
    'compose.yaml:5:66: isolation is for Windows, where no builder here works',
    'compose.yaml:6:6: a service is a mapping, not a list',
    'compose.yaml:7:14: build is a folder or a mapping, not a list',
    'compose.yaml:8:54: the variable NEED has to be set: tell me',
    'compose.yaml:8:77: "${C" is no variable that can be interpolated; a dollar that is no variable is written $$',
    'compose.yaml:9:52: the secret none is not defined under secrets: a build can use those only',
    'compose.yaml:9:58: the secret ext has neither file nor environment: a build can use those only',
    'compose.yaml:9:77: the limit n needs a number, or soft and hard',
    'compose.yaml:10:56: expected HOST=ADDRESS, not nope',
    'compose.yaml:10:69: tags is a list, not "x"',
    'compose.yaml:10:81: x-bake has no tagz; did you mean tags?',
  ]);
});

test('YAML that is none, files that are missing, and circles', async () => {
  await using folder = await specFolder({
    'bad.yaml': 'services:\n  a: [\n',
    'missing.yaml': [
      'include: [none.yaml]',
      'services:',
      '  a: {extends: {service: x, file: gone.yaml}}',
      `  b: {extends: bb, ${build}}`,
      '  c: {extends: {service: x, file: one.yaml}}',
    ],
    'one.yaml': 'services: {}',
    'circle.yaml': ['include: [two.yaml]', 'services:', '  a: {extends: b}', '  b: {extends: a}'],
    'two.yaml': 'include: [circle.yaml]',
    'anchor.yaml': 'services: {a: &a {build: .}, b: {build: *none}}',
    '.env': 'not a line',
  });
  const of = async (file: string) => await problemsOf(read(folder, { files: [file] }));
  assert.match((await of('bad.yaml')).join('\n'), /bad\.yaml:3:1: not valid YAML/);
  const env = '.env:1:1: expected KEY=value';
  assert.deepEqual(await of('missing.yaml'), [
    env,
    `missing.yaml:1:11: ${folder.path}/none.yaml does not exist`,
    `missing.yaml:3:35: ${folder.path}/gone.yaml does not exist`,
    `missing.yaml:4:16: it extends bb, which is no service of ${folder.path}/missing.yaml; did you mean b?`,
    `missing.yaml:5:16: it extends x, which is no service of ${folder.path}/one.yaml`,
  ]);
  const at = `${folder.path}/circle.yaml`;
  assert.deepEqual(await of('circle.yaml'), [
    env,
    `circle.yaml:3:16: services extend each other: ${at}: a -> ${at}: b -> ${at}: a`,
    `circle.yaml:4:16: services extend each other: ${at}: b -> ${at}: a -> ${at}: b`,
    `two.yaml:1:11: files include each other: ${at} -> ${folder.path}/two.yaml -> ${at}`,
  ]);
  assert.match((await of('anchor.yaml')).join('\n'), /anchor\.yaml:1:\d+: .*none/);
});

test('variables come from the files that COMPOSE_ENV_FILES names, and projects from COMPOSE_FILE', async () => {
  await using folder = await specFolder({
    'deep/one.yaml': 'services: {a: {image: "$A/$B", build: {dockerfile_inline: FROM x}}}',
    'two.yaml': 'services: {a: {build: {args: {X: "1"}}}}',
    'first.env': 'A=a\nB=first',
    'second.env': 'B=${A}b',
  });
  const graph = await read(folder, {
    environment: {
      COMPOSE_FILE: 'deep/one.yaml:two.yaml',
      COMPOSE_ENV_FILES: 'first.env,second.env',
    },
  });
  assert.deepEqual(targetOf(graph, 'a').tags, ['a/ab']);
  assert.deepEqual(targetOf(graph, 'a').args, { X: '1' });
});
