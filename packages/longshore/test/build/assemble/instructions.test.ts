import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { MAX_MANIFEST_BYTES, MEDIA_TYPES, parseManifest } from '../../../src/image/index.ts';
import { putImage } from '../../export/helpers/image.ts';
import { directory, file, symlink, tar } from '../../export/helpers/tarBuilder.ts';
import { buildFails } from '../builderContract.ts';
import { useAssemble } from './support.ts';

const assemble = useAssemble();
const { build, tree } = assemble;

describe('COPY', () => {
  it('takes heredocs, expanded or as they are', async () => {
    const text = [
      'FROM scratch',
      'ARG WHO=world',
      'COPY <<ONE <<"TWO" /etc/',
      'say "hello" to $WHO, \'twice\': \\$5',
      'ONE',
      'as $IT \\is',
      'TWO',
      'COPY --chmod=0700 <<-EOF /bin/run',
      '\t#!/bin/sh',
      'EOF',
      '',
    ].join('\n');
    assert.deepEqual(await tree(text), {
      etc: 'directory 755 0',
      'etc/ONE': ':say "hello" to world, \'twice\': $5\n 644 0',
      'etc/TWO': ':as $IT \\is\n 644 0',
      bin: 'directory 755 0',
      'bin/run': ':#!/bin/sh\n 700 0',
    });
  });

  it('leaves out what --exclude names, and keeps folders with --parents', async () => {
    const files = { 'src/a.ts': 'a', 'src/a.md': 'm', 'src/in/b.ts': 'b', 'src/in/b.md': 'm' };
    const text =
      'FROM scratch\nCOPY --exclude=**/*.md src /all\nCOPY --parents src/in/*.ts /kept/\nCOPY --parents src/./in /pivot/\nCOPY --exclude=*.md src/* /flat/\n';
    const found = await tree(text, files);
    const names = Object.keys(found).filter((path) => found[path]?.startsWith(':'));
    assert.deepEqual(names.sort(), [
      'all/a.ts',
      'all/in/b.ts',
      'flat/a.ts',
      'flat/b.ts',
      'kept/src/in/b.ts',
      'pivot/in/b.md',
      'pivot/in/b.ts',
    ]);
  });

  it('says what it cannot do, with the line', async () => {
    const wrong: readonly (readonly [string, ...string[]])[] = [
      ['COPY a b /x', 'several sources', '/x/'],
      ['COPY nothing* /x/', 'nothing in the build context matches'],
      ['COPY --chown=nobody f /x', 'no user "nobody"'],
      ['COPY --chmod=u+x f /x', '--chmod=u+x'],
      ['COPY --frobnicate f /x', '--frobnicate'],
      ['COPY f', 'at least one source'],
      ['COPY [a f /x', '[a'],
      ['ADD https://example.com/x /x', 'fetches nothing'],
      ['EXPOSE http', '"http"'],
      ['HEALTHCHECK --interval=soon CMD true', '"soon"'],
      ['ENV A', 'A has no value'],
      ['RUN true', 'runs nothing', 'buildah'],
    ];
    for (const [line, ...parts] of wrong) {
      const failing = build(`FROM scratch\n${line}\n`, { f: 'f', a: 'a', b: 'b' });
      await assert.rejects(
        failing,
        (error: Error & { hint?: string }) => {
          const said = `${error.message} ${error.hint ?? ''}`;
          for (const part of ['Dockerfile:2', ...parts])
            assert.ok(said.includes(part), `${line}: ${said}`);
          return true;
        },
        line,
      );
    }
  });
});

describe('a base image', () => {
  it('decides where a path leads, and who is who', async () => {
    const layers = [
      tar(
        directory('usr'),
        directory('usr/bin', { mode: 0o711 }),
        symlink('bin', 'usr/bin'),
        symlink('etc/host', '/usr/bin/../real'),
        file('etc/passwd', 'app:x:77:88::/:\n'),
        file('usr/bin/old', 'old'),
      ),
      tar(file('usr/.wh.nothing', ''), file('etc/group', 'team:x:99:\n')),
    ];
    assemble.bases.set('base', (await putImage(assemble.bench().store, layers)).descriptor);
    const found = await tree(
      'FROM base\nCOPY f /bin/new\nCOPY f /bin/\nCOPY f /etc/host\nCOPY --chown=app:team f /owned\nUSER app\nWORKDIR /home/app\nCOPY --from=base /bin/old /copied\n',
      { f: 'f' },
    );
    assert.equal(found['usr/bin/new'], ':f 644 0');
    assert.equal(found['usr/bin/f'], ':f 644 0');
    assert.equal(found['usr/bin'], 'directory 711 0');
    assert.equal(found['usr/real'], ':f 644 0');
    assert.equal(found['bin'], '>usr/bin 777 0');
    assert.equal(found['owned'], ':f 644 77');
    assert.equal(found['home/app'], 'directory 755 77');
    assert.equal(found['copied'], ':old 644 0');
  });

  it('is refused where a file and a directory would change places', async () => {
    const layers = [tar(directory('d'), file('f', 'x'), symlink('l', 'd'))];
    assemble.bases.set('mixed', (await putImage(assemble.bench().store, layers)).descriptor);
    const files = { 'root/l/x': 'x', d: 'file', f: 'f' };
    for (const copy of ['COPY root /', 'COPY d /f/below', 'ADD d /d/../f/']) {
      await assert.rejects(
        build(`FROM mixed\n${copy}\n`, files),
        buildFails('ERR_BUILD_FAILED'),
        copy,
      );
    }
    // A file onto a directory goes into it.
    assert.equal((await tree('FROM mixed\nCOPY d /d\n', files))['d/d'], ':file 644 0');
  });

  it('has its triggers run, and refused where they need a RUN', async () => {
    const { store } = assemble.bench();
    const onBuild = (OnBuild: readonly string[]) =>
      putImage(store, [tar(directory('d'))], { runtime: { OnBuild } });
    assemble.bases.set(
      'copies',
      (await onBuild(['COPY f /triggered', 'ENV BY=trigger'])).descriptor,
    );
    assemble.bases.set('runs', (await onBuild(['RUN make'])).descriptor);
    const { image } = await build('FROM copies\nONBUILD ENV X=1\n', { f: 'f' });
    const runtime = await assemble.bench().runtime(image);
    assert.deepEqual(runtime['OnBuild'], ['ENV X=1']);
    assert.ok(Array.isArray(runtime['Env']) && runtime['Env'].includes('BY=trigger'));
    assert.equal((await assemble.bench().files(image)).get('triggered')?.data, 'f');
    await assert.rejects(
      build('FROM runs\n'),
      buildFails('ERR_BUILD_FAILED', 'RUN make', 'Dockerfile:1'),
    );
  });

  it("in Docker's media types gives an image in OCI's", async () => {
    const { store } = assemble.bench();
    const { manifest } = await putImage(store, [tar(directory('d'))]);
    const docker = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.dockerManifest,
      config: { ...manifest.config, mediaType: MEDIA_TYPES.dockerConfig },
      layers: manifest.layers.map((layer) =>
        Object.assign({}, layer, { mediaType: MEDIA_TYPES.dockerLayerGzip }),
      ),
    };
    const bytes = Buffer.from(JSON.stringify(docker));
    assemble.bases.set('docker', await store.put(MEDIA_TYPES.dockerManifest, bytes));
    const loaded = await assemble
      .bench()
      .load((await build('FROM docker\nCOPY f /f\n', { f: 'f' })).image);
    assert.equal(loaded.manifest.mediaType, MEDIA_TYPES.ociManifest);
    assert.equal(loaded.manifest.config.mediaType, MEDIA_TYPES.ociConfig);
    for (const { mediaType } of loaded.manifest.layers)
      assert.equal(mediaType, MEDIA_TYPES.ociLayerGzip);
  });
});

describe('ADD', () => {
  it('unpacks what is a tar, whatever it is called and compressed by', async () => {
    const archive = tar(file('a', 'a', { uid: 5, mode: 0o600 }), directory('d', { mode: 0o700 }));
    const files = { 'zstd.bin': zstdCompressSync(archive), text: 'not a tar', plain: archive };
    const found = await tree(
      'FROM scratch\nADD zstd.bin /z\nADD text plain /both/\nADD --unpack=false plain /packed\n',
      files,
    );
    assert.equal(found['z/a'], ':a 600 5');
    assert.equal(found['z/d'], 'directory 700 0');
    assert.equal(found['both/text'], ':not a tar 644 0');
    assert.equal(found['both/a'], ':a 600 5');
    assert.ok(found['packed']?.startsWith(':a'));
  });
});

describe('a target', () => {
  it('for several platforms is an index, each built with its own arguments', async () => {
    const { bench } = assemble;
    const target = await bench().target(
      {
        Dockerfile: 'FROM scratch\nARG TARGETARCH TARGETVARIANT\nCOPY $TARGETARCH /bin\n',
        amd64: 'x86',
        arm: 'arm',
      },
      {
        platforms: [
          { os: 'linux', architecture: 'amd64' },
          { os: 'linux', architecture: 'arm', variant: 'v7' },
        ],
        annotations: ['a=1', 'index:b=2', 'manifest[linux/amd64],manifest-descriptor:c=3'],
      },
    );
    assert.deepEqual(await bench().builder.unsupported(target), []);
    const { image } = await bench().build(target);
    const index = parseManifest(await bench().store.read(image.digest, MAX_MANIFEST_BYTES));
    assert.ok(index.kind === 'index');
    assert.deepEqual(index.annotations, { b: '2' });
    const platforms = index.manifests.map(({ platform }) => platform);
    assert.deepEqual(platforms, target.platforms);
    const texts: (string | undefined)[] = [];
    const annotations = [];
    for (const entry of index.manifests) {
      texts.push((await bench().files(entry)).get('bin')?.data);
      annotations.push([entry.annotations, (await bench().load(entry)).manifest.annotations]);
    }
    assert.deepEqual(texts, ['x86', 'arm']);
    assert.deepEqual(annotations, [
      [{ c: '3' }, { a: '1', c: '3' }],
      [{ c: '3' }, { a: '1' }],
    ]);
  });

  it('is told what cannot be done for it, in the stages that it needs', async () => {
    const { bench } = assemble;
    const Dockerfile =
      'FROM scratch AS tools\nRUN make\nFROM scratch AS app\nCOPY a /a\nFROM app AS tested\nRUN test\nADD https://example.com/x /\nFROM tested\n';
    const target = await bench().target({ Dockerfile, a: 'a' });
    const path = join(target.context.kind === 'folder' ? target.context.path : '', 'Dockerfile');
    assert.deepEqual(await bench().builder.unsupported(target), [
      `RUN (${path}:6)`,
      `ADD of an address (${path}:7)`,
    ]);
    assert.deepEqual(await bench().builder.unsupported({ ...target, stage: 'app' }), []);
    const asking = {
      ...target,
      stage: 'app',
      cacheTo: [{ type: 'inline' }],
      cacheFrom: [{ type: 'gha' }],
      attestations: [{ type: 'sbom' }, { type: 'provenance', disabled: 'true' }],
      contexts: { far: { kind: 'url', url: 'https://example.com/x.git' } as const },
    };
    assert.deepEqual(await bench().builder.unsupported(asking), [
      'the context far, which has to be fetched',
      'cache export',
      'attestations (sbom)',
    ]);
    const { lines } = await bench().build(asking);
    assert.ok(
      lines.some((line) => line.includes('cache import')),
      lines.join(),
    );
  });

  it('has its settings kept that no registry field holds but Docker knows', async () => {
    const { image } = await build(
      'FROM scratch\nSHELL ["/bin/bash", "-c"]\nCMD run\nHEALTHCHECK --interval=1m30s --retries=2 CMD ["/check"]\nMAINTAINER somebody\nONBUILD COPY . /x\n',
    );
    const runtime = await assemble.bench().runtime(image);
    assert.deepEqual(runtime['Shell'], ['/bin/bash', '-c']);
    assert.deepEqual(runtime['Cmd'], ['/bin/bash', '-c', 'run']);
    assert.deepEqual(runtime['Healthcheck'], {
      Test: ['CMD', '/check'],
      Interval: 9e10,
      Retries: 2,
    });
    assert.deepEqual(runtime['OnBuild'], ['COPY . /x']);
  });
});
