import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeConfiguration } from '../../../src/build/builder/buildah/configuration.ts';
import { imagesAskedFor } from '../../../src/build/builder/buildah/images.ts';
import type { BuildTarget } from '../../../src/build/index.ts';
import { type Descriptor, digestOf } from '../../../src/image/index.ts';
import { targetIn, writeContext } from '../target.ts';

const HERE: Descriptor = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: digestOf(Buffer.from('{}')),
  size: 2,
};

function askedFor(
  text: string,
  fields: Partial<BuildTarget> = {},
  bases: readonly string[] = [],
): readonly string[] | undefined {
  const target = targetIn('/src', fields);
  return imagesAskedFor({ target, bases: new Map(bases.map((name) => [name, HERE])) }, text);
}

describe('what a build may ask registries for', () => {
  it('is its bases, what it copies from and mounts, and its caches', () => {
    const text = [
      'ARG REG=a.lab',
      'ARG BASE=$REG/base',
      'FROM --platform=$BUILDPLATFORM ${BASE}:1 AS build',
      'COPY --from=b.lab/tools /x /x',
      'RUN --mount=from=c.lab/cache,target=/c --mount=type=bind,from=build,target=/d make',
      'FROM build AS more',
      'FROM registry.lab/base:$TARGETARCH',
      'COPY --from=0 /x /x',
      'COPY --from=assets /y /y',
      'COPY --from=named /z /z',
      'COPY --from=ours:1 /z /z',
      'FROM scratch',
    ].join('\n');
    const fields: Partial<BuildTarget> = {
      args: { REG: 'given.lab' },
      contexts: {
        assets: { kind: 'folder', path: '/assets' },
        named: { kind: 'image', reference: 'd.lab/named:1' },
      },
      cacheFrom: [{ type: 'registry', ref: 'e.lab/cache' }],
      cacheTo: [{ type: 'registry', ref: 'f.lab/cache' }],
    };
    assert.deepEqual(askedFor(text, fields, ['ours:1']), [
      'given.lab/base:1',
      'registry.lab/base:amd64',
      'b.lab/tools',
      'c.lab/cache',
      'd.lab/named:1',
      'e.lab/cache',
      'f.lab/cache',
    ]);
  });

  it('is what a context says of a stage that it stands for', () => {
    const text = 'FROM scratch AS base\nFROM scratch AS tools\nFROM base\nCOPY --from=tools /x /x';
    const contexts: BuildTarget['contexts'] = {
      base: { kind: 'image', reference: 'a.lab/base:1' },
      tools: { kind: 'image', reference: 'b.lab/tools:1' },
    };
    assert.deepEqual(askedFor(text, { contexts }), ['a.lab/base:1', 'b.lab/tools:1']);
  });

  it('is not known where something else may decide', () => {
    const cases: readonly (readonly [string, Partial<BuildTarget>?])[] = [
      ['FROM $REG/base', { args: { REG: 'a.lab' } }],
      ['ARG REG\nFROM ${REG}base'],
      ['ARG TARGETARCH\nFROM $TARGETARCH.lab/base'],
      ['ARG BASE=${http_proxy}a.lab/base\nFROM $BASE'],
      ['FROM scratch\nARG REG=a.lab\nCOPY --from=$REG/x /x /x'],
      ['FROM scratch\nRUN --mount=from=$REG/x,target=/x make'],
      ['FROM scratch\nNONSENSE'],
      [''],
      ['FROM a', { dockerfile: { kind: 'file', path: '/src/Dockerfile.in' } }],
      ['FROM a', { context: { kind: 'url', url: 'https://git.invalid/x' } }],
      ['FROM a', { contexts: { more: { kind: 'url', url: 'https://git.invalid/x' } } }],
    ];
    for (const [text, fields] of cases) assert.equal(askedFor(text, fields), undefined, text);
  });
});

const HUB_KEYS = ['https://index.docker.io/v1/', 'docker.io/me'];
const KEYS = ['a.lab', 'A.lab:5000', 'a.lab/team', 'b.lab', ...HUB_KEYS, 'd.lab', 'e.lab'];

describe('the credentials that buildah is given', () => {
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'longshore-credentials-'));
    const auths = Object.fromEntries(KEYS.map((key) => [key, { auth: key }]));
    const file = JSON.stringify({ auths, credHelpers: { 'c.lab': 'pass' } });
    await writeContext(home, { 'auth.json': file });
  });
  after(() => rm(home, { recursive: true, force: true }));

  async function given(images: readonly string[] | undefined): Promise<readonly string[]> {
    const folder = join(home, 'build');
    await mkdir(folder, { recursive: true });
    const { authFile } = await writeConfiguration({
      folder,
      // Not what the machine has that runs this.
      environment: {
        HOME: home,
        REGISTRY_AUTH_FILE: join(home, 'auth.json'),
        CONTAINERS_REGISTRIES_CONF: join(home, 'registries.conf'),
      },
      auths: new Map([['127.0.0.1:4000', 'landing']]),
      plainHosts: new Set(),
      images,
    });
    const file = JSON.parse(await readFile(authFile, 'utf8'));
    assert.deepEqual(file.credHelpers, { 'c.lab': 'pass' });
    assert.deepEqual(file.auths['127.0.0.1:4000'], { auth: 'landing' });
    const { '127.0.0.1:4000': _, ...auths } = file.auths;
    return Object.keys(auths);
  }

  it('are those of the registries that it may ask', async () => {
    assert.deepEqual(await given([]), []);
    assert.deepEqual(await given(['a.lab/x:1']), ['a.lab', 'a.lab/team']);
    assert.deepEqual(await given(['a.lab:5000/x']), ['A.lab:5000']);
    for (const image of ['debian', 'me/mine:1', 'docker.io/x/y', 'index.docker.io/x/y']) {
      assert.deepEqual(await given([image]), HUB_KEYS, image);
    }
  });

  it('are all where that is not known', async () => {
    for (const images of [undefined, ['docker://a.lab/x'], ['a.lab/x', 'oci:/layout/x:1']]) {
      assert.deepEqual(await given(images), KEYS, JSON.stringify(images));
    }
  });

  it('are those of mirrors, of places searched and of short names too', async () => {
    const folder = '.config/containers/registries.conf.d';
    await writeContext(home, {
      'registries.conf': 'unqualified-search-registries = ["b.lab"]\n# location = "e.lab"\n',
      [`${folder}/short.conf`]: '[aliases]\n"tool" = "d.lab/tool"\n"other" = "e.lab/other"\n',
      [`${folder}/mirror.conf`]: "[[registry.mirror]]\nlocation = 'a.lab:5000/hub'\n",
    });
    assert.deepEqual(await given(['a.lab/x']), ['a.lab', 'A.lab:5000', 'a.lab/team', 'b.lab']);
    assert.ok((await given(['tool:1'])).includes('d.lab'));
    assert.ok(!(await given(['tool:1'])).includes('e.lab'));
  });
});
