import { Dockerfile, type SpecCase } from './specCase.ts';

const bake = (spec: object, others: Omit<SpecCase, 'files'> = {}): SpecCase => ({
  files: { 'docker-bake.json': spec, Dockerfile, 'app/Dockerfile': Dockerfile, token: 'x' },
  ...others,
});

export const BAKE_CASES: Readonly<Record<string, SpecCase>> = {
  'every key, in its plain form': bake({
    target: {
      default: {
        context: 'app',
        dockerfile: '../Dockerfile',
        target: 'two',
        tags: ['acme/app:1', 'acme/app:1', 'acme/app:2'],
        platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'],
        args: { A: 'a', N: null, E: '' },
        labels: { 'org.x': 'y', n: null },
        annotations: ['index:a=b'],
        contexts: {
          alpine: 'docker-image://alpine:3',
          src: 'app',
          git: 'https://example.org/x.git',
        },
        secret: ['id=token,src=token', 'id=env,env=HOME', 'type=env,id=p,src=PATH'],
        ssh: ['default'],
        'cache-from': ['acme/cache', 'type=registry,ref=acme/other', 'type=gha,scope=a'],
        'cache-to': ['type=inline'],
        output: ['type=image'],
        attest: ['type=sbom', 'type=provenance,mode=max'],
        'no-cache': true,
        'no-cache-filter': ['one'],
        pull: true,
        network: 'host',
        'shm-size': '128m',
        ulimits: ['nofile=1024:2048', 'nproc=5'],
        'extra-hosts': { db: '10.0.0.1' },
        entitlements: ['security.insecure'],
        description: 'all of it',
      },
    },
  }),
  'secrets, ssh, caches and attestations as objects': bake({
    target: {
      default: {
        secret: [
          { id: 'token', src: 'token' },
          { type: 'env', id: 'h', env: 'HOME' },
        ],
        ssh: [{ id: 'default' }],
        'cache-from': [
          { type: 'registry', ref: 'a/b' },
          { type: 'local', src: 'app' },
        ],
        'cache-to': [{ type: 'local', dest: 'out', mode: 'max' }],
        attest: [
          { type: 'provenance', mode: 'min' },
          { type: 'sbom', disabled: true },
        ],
      },
    },
  }),
  'attestations that are switched off': bake({
    target: { default: { attest: ['type=provenance,disabled=true', 'type=sbom,disabled=false'] } },
  }),
  'variables, and what the environment makes of them': bake(
    {
      variable: {
        TAG: { default: 'latest' },
        REPO: { default: 'acme/${TAG}' },
        N: { default: 2 },
        CACHE: { default: false },
        NONE: {},
        PORT: { type: 'number', default: 1 },
      },
      target: {
        default: {
          tags: ['${REPO}:${TAG}', 'x:v${N}'],
          args: { N: '${N}', P: '${PORT}', ESC: '$${X} %%{y} $5 100%', NONE: '${NONE}' },
          'no-cache': '${CACHE}',
        },
      },
    },
    { environment: { TAG: '7', CACHE: 'true', PORT: '8080', OTHER: 'x' } },
  ),
  'a null variable is no part of a text': bake({
    variable: { A: { default: 'x' } },
    target: { default: { args: { '${A}-key': 'v', B: '${A}' } } },
  }),
  'attributes outside of blocks': bake({
    version: '3',
    repo: 'acme/${version}',
    '//': 'a comment',
    target: { default: { '//': 'another', tags: ['${repo}:${version}'] } },
  }),
  'inheritance, more than one parent, over generations': bake({
    target: {
      base: {
        args: { A: '1', B: '1' },
        labels: { a: 'b' },
        tags: ['base'],
        annotations: ['a=b'],
        platforms: ['linux/amd64'],
        'cache-from': ['x/y'],
        secret: ['id=token,src=token'],
        entitlements: ['network.host'],
        ulimits: ['nproc=1:1'],
      },
      mid: { inherits: ['base'], args: { B: '2', C: '2' }, 'no-cache': true },
      other: { args: { C: '3' }, context: 'app', 'cache-from': ['z/z'], attest: ['type=sbom'] },
      default: {
        inherits: ['mid', 'other'],
        args: { D: '4', A: null },
        annotations: ['c=d'],
        secret: ['id=token,env=HOME'],
        ulimits: ['nofile=2:2'],
      },
    },
  }),
  'groups of groups': bake({
    group: {
      default: { targets: ['ab', 'c'] },
      ab: { targets: ['a', 'b'], description: 'two' },
    },
    target: { a: {}, b: { tags: ['b'] }, c: {}, d: {} },
  }),
  'a pattern of names': bake(
    { target: { 'web-a': {}, 'web-b': { args: { X: '1' } }, api: {} } },
    { targets: ['web-*'] },
  ),
  'a matrix': bake({
    group: { default: { targets: ['app'] } },
    target: {
      app: {
        name: 'app-${tgt}-${v.n}',
        matrix: {
          tgt: ['one', 'two'],
          v: [
            { n: 'x', y: '1' },
            { n: 'z', y: '2' },
          ],
        },
        target: '${tgt}',
        args: { V: '${v.y}' },
        tags: ['app:${tgt}-${v.n}'],
      },
    },
  }),
  'contexts that are targets': bake({
    group: { default: { targets: ['app'] } },
    target: {
      base: { tags: ['base'], platforms: ['linux/amd64'] },
      app: { contexts: { base: 'target:base', drop: '' } },
    },
  }),
  'an inline Dockerfile with what looks like a variable': bake({
    target: { default: { 'dockerfile-inline': 'FROM scratch\nENV A=$${B}\n' } },
  }),
  'lists of blocks': bake({
    variable: [{ V: { default: '1' } }],
    target: [{ default: [{ tags: ['a:${V}'] }] }, { other: { tags: ['b'] } }],
  }),
  'a later file over an earlier one': {
    files: {
      'a.json': {
        variable: { T: { default: '1' } },
        group: { default: { targets: ['a'] } },
        target: { a: { args: { A: '1', B: '1' }, tags: ['a:${T}'], annotations: ['x=y'] }, b: {} },
      },
      'b.json': {
        variable: { T: { default: '2' } },
        group: { default: { targets: ['a', 'b'] } },
        target: {
          a: { args: { B: '2' }, annotations: ['z=z'] },
          b: { inherits: ['a'], tags: ['b'] },
        },
      },
      Dockerfile,
    },
    specs: ['a.json', 'b.json'],
  },
  '--set': bake(
    {
      target: {
        base: { args: { A: '1' } },
        app: { inherits: ['base'], tags: ['x'], 'cache-from': ['a/b'], platforms: ['linux/amd64'] },
        web: { tags: ['y', 'z'], labels: { a: 'b' } },
      },
      group: { default: { targets: ['app', 'web'] } },
    },
    {
      overrides: [
        'base.args.A=2',
        'app.arg.B=3=4',
        '*.platform=linux/arm64',
        'w*.tags+=more',
        'app.tags=one',
        'app.tags=two',
        'web.labels.c=d',
        'app.cache-from=',
        'web.no-cache=true',
        'app.target=two',
        'app.secret=id=token,src=token',
      ],
    },
  ),
};

export const HCL_CASES: Readonly<Record<string, SpecCase>> = {
  'functions, a matrix and expressions': {
    files: {
      'docker-bake.hcl': [
        'variable "TAG" { default = "1" }',
        'function "tag" {',
        '  params = [name]',
        '  result = ["acme/${name}:${TAG}", equal(TAG, "2") ? "acme/${name}:latest" : ""]',
        '}',
        'group "default" { targets = ["app", "other"] }',
        'target "_base" { args = { A = upper("x"), D = "$${KEPT}" } }',
        'target "app" {',
        '  name = "app-${item}"',
        '  matrix = { item = ["one", "two"] }',
        '  inherits = ["_base"]',
        '  target = item',
        '  tags = compact(tag(item))',
        '}',
        'target "other" {',
        '  contexts = { base = "target:app-one" }',
        '  secret = ["id=token,src=token"]',
        '}',
      ],
      Dockerfile,
      token: 'x',
    },
    environment: { TAG: '2' },
  },
  'over compose, with --set': {
    files: {
      'compose.yaml': ['services:', '  a: {build: {context: app, args: {A: 1}}, image: "a:1"}'],
      'docker-bake.hcl': ['target "a" { labels = { x = join("-", ["y", "z"]) } }'],
      'app/Dockerfile': Dockerfile,
    },
    specs: ['compose.yaml', 'docker-bake.hcl'],
    overrides: ['a.args.B=2'],
  },
  'JSON that needs more than variables': {
    files: {
      'docker-bake.json': {
        variable: { V: { default: 'x' } },
        target: { default: { tags: ['a:${upper(V)}'], args: { A: '${V == "x" ? "yes" : "no"}' } } },
      },
      Dockerfile,
    },
    specs: ['docker-bake.json'],
  },
};
