import assert from 'node:assert/strict';
import { chmod, link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openAssembleBuilder } from '../../src/build/index.ts';
import { exportImage, loadImage } from '../../src/export/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { targetIn } from '../build/target.ts';
import { type Buildah, makeBuildah } from './support/buildah.ts';
import { describeTree, needs, run, umoci } from './support/exportTools.ts';

const TIMEOUT = { timeout: 120_000 };

/**
 * Each is a Dockerfile over the same context. None has a RUN, and none what buildah 1.28 does not
 * know (heredocs, quoted volumes). Where it differs from BuildKit, assemble is with BuildKit: it writes
 * through a link that is the destination's last part, and its wildcards go through no links.
 */
const CORPUS: Readonly<Record<string, string>> = {
  'directories and their contents': `
    FROM scratch
    COPY d /new
    COPY d /slash/
    COPY d/sub base/dst /two/
    COPY . /everything`,
  'files to names and into directories': `
    FROM scratch
    COPY d/f /name
    COPY d/f /deep/down/name
    COPY d/f /deep/
    COPY d/f d/run /several/
    WORKDIR /work/here
    COPY d/f .
    COPY d/f relative/name`,
  wildcards: `
    FROM scratch
    COPY d/* /flat/
    COPY d/s*/g* /one/
    COPY d/[fr]* /class/
    COPY [de]/f /inner/`,
  'symlinks of the context': `
    FROM scratch
    COPY linkf /lf
    COPY linkf d/l /links/
    COPY linkd /ld
    COPY links /kept`,
  'a base with links, modes and owners': `
    FROM scratch AS base
    COPY base/ /
    FROM base
    COPY d /dst
    COPY d/f /bin/tool
    COPY d/f /bin/
    COPY d/sub /bin/`,
  owners: `
    FROM scratch AS base
    COPY base/ /
    FROM base
    COPY --chown=bob:staff d/f /p1/p2/f
    COPY --chown=bob d /bobs
    COPY --chown=7 d/f /c7
    COPY --chown=7:8 d /c78/`,
  modes: `
    FROM scratch
    COPY --chmod=600 d /m/
    COPY --chmod=4755 d/f /suid`,
  'working directories of a user': `
    FROM scratch AS base
    COPY base/ /
    FROM base
    WORKDIR /of/root
    USER bob
    WORKDIR /of/bob/here
    WORKDIR below
    COPY d/f .
    USER 5:6
    WORKDIR /numbers`,
  'archives are unpacked by ADD and left by COPY': `
    FROM scratch
    ADD t.tar /plain/
    ADD t.tar.gz /gz
    ADD --chown=5:6 t.tar /owned/
    COPY t.tar /copied
    ADD d/f /no-archive`,
  'copies from stages': `
    FROM scratch AS one
    COPY --chown=3:4 d /data
    COPY base/ /
    FROM scratch AS unused
    COPY d /never
    FROM one AS two
    COPY d/run /data/run2
    FROM scratch
    COPY --from=one /data /from-one
    COPY --from=0 /data/f /by-number
    COPY --from=two /data /from-two/
    COPY --from=two --chown=9 /bin/ /from-link
    COPY --from=two /usr /usr`,
  settings: `
    FROM scratch AS base
    ENV A=1 B="two words" C=\${A}x
    LABEL one=1 "two words"='a "b"'
    CMD ["first"]
    FROM base
    ARG X=5
    ARG Y
    ENV D=$X-\${Y:-none} A=changed PATH=/bin:$PATH
    EXPOSE 80 90/udp
    VOLUME /v /v2
    VOLUME ["/json volume"]
    USER 12:13
    WORKDIR /w
    ENTRYPOINT ["/x", "$A"]
    STOPSIGNAL SIGUSR1
    LABEL three=$A`,
  'shell forms': `
    FROM scratch
    CMD echo "$HOME" && true
    ENTRYPOINT exec  top -b`,
  'an entrypoint takes the command of the base away': `
    FROM scratch AS base
    CMD ["from base"]
    FROM base
    ENTRYPOINT ["/x"]`,
};

let home: string;
let context: string;
let store: Store;
let theirs: Buildah;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-interop-assemble-'));
  context = join(home, 'context');
  store = await openStore(join(home, 'store'));
  await writeContext(context);
  theirs = await makeBuildah();
});
after(async () => {
  await store.close();
  await theirs[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

async function writeContext(folder: string): Promise<void> {
  const folders = ['d/sub', 'd/empty', 'e', 'links', 'base/usr/bin', 'base/etc', 'base/dst/sub'];
  for (const path of folders) await mkdir(join(folder, path), { recursive: true });
  const files: Record<string, [string, number]> = {
    'd/f': ['f', 0o640],
    'd/run': ['#!/bin/sh', 0o755],
    'd/sub/g': ['g', 0o600],
    'd/z\u00e4hler': ['z', 0o644],
    'd/none': ['', 0o444],
    'e/f': ['other f', 0o644],
    'base/etc/passwd': ['root:x:0:0::/:\nbob:x:1234:1235::/:\n', 0o644],
    'base/etc/group': ['root:x:0:\nstaff:x:50:\n', 0o644],
    'base/usr/bin/tool': ['old tool', 0o755],
    'base/target': ['target', 0o644],
  };
  for (const [path, [text, mode]] of Object.entries(files)) {
    await writeFile(join(folder, path), text);
    await chmod(join(folder, path), mode);
  }
  await chmod(join(folder, 'd/sub'), 0o700);
  await chmod(join(folder, 'base/dst'), 0o711);
  const links: Record<string, string> = {
    linkf: 'd/f',
    linkd: 'd',
    'd/l': 'f',
    'links/dangling': 'nowhere',
    'links/absolute': '/etc/passwd',
    'links/up': '../../outside',
    'base/bin': 'usr/bin',
    'base/current': 'target',
  };
  for (const [path, target] of Object.entries(links)) await symlink(target, join(folder, path));
  const tar = [
    '--owner=11:11',
    '--group=12:12',
    '--mtime=@1',
    '--sort=name',
    '-C',
    join(folder, 'd'),
  ];
  await link(join(folder, 'd/f'), join(folder, 'd/hard'));
  await run('tar', ['-cf', join(folder, 't.tar'), ...tar, 'f', 'hard', 'l', 'sub']);
  await run('tar', ['-czf', join(folder, 't.tar.gz'), ...tar, 'run', 'sub']);
  // Docker and buildah keep hard links between files of a context, assemble does not (ADR 16).
  await rm(join(folder, 'd/hard'));
}

/** Without times; the root's own attributes come from whoever unpacks. */
function comparable(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([name]) => name !== '')
      .map(([name, what]) => [name, what.replace(/( [0-9a-f]{16}) [\d.]+/, '$1')]),
  );
}

/** What a runtime goes by. OCI has no place for the others, and buildah leaves them out there. */
const FIELDS = [
  'Env',
  'Entrypoint',
  'Cmd',
  'WorkingDir',
  'User',
  'ExposedPorts',
  'Volumes',
  'Labels',
  'StopSignal',
];

function settings(config: string): Record<string, unknown> {
  const document: unknown = JSON.parse(config);
  assert.ok(typeof document === 'object' && document !== null && 'config' in document);
  const runtime = Object(document.config) as Record<string, unknown>;
  const found = Object.fromEntries(FIELDS.map((name) => [name, runtime[name]]));
  const labels = { ...Object(found['Labels']) };
  delete labels['io.buildah.version'];
  // Docker replaces a variable where it stands, buildah moves it to the end.
  const env: unknown = found['Env'];
  return { ...found, Labels: labels, Env: Array.isArray(env) ? env.map(String).toSorted() : env };
}

describe('assemble beside buildah', () => {
  for (const [name, text] of Object.entries(CORPUS)) {
    it(name, TIMEOUT, async (t) => {
      if (!(await needs(t, 'buildah', 'umoci', 'skopeo', 'tar'))) return;
      const folder = await mkdtemp(join(home, 'case-'));
      const dockerfile = join(folder, 'Dockerfile');
      await writeFile(dockerfile, text.replace(/^ +/gm, '').trimStart());
      const expected = await byBuildah(folder, dockerfile);
      const found = await byAssemble(folder, dockerfile);
      assert.deepEqual(found.tree, expected.tree);
      assert.deepEqual(found.settings, expected.settings);
    });
  }
});

interface Read {
  readonly tree: Record<string, string>;
  readonly settings: Record<string, unknown>;
}

async function readBack(archive: string, folder: string): Promise<Read> {
  const unpacked = await mkdtemp(join(folder, 'umoci-'));
  const tree = comparable(await describeTree(await umoci(archive, unpacked), false));
  const { stdout } = await run('skopeo', [
    'inspect',
    '--config',
    '--raw',
    `oci-archive:${archive}`,
  ]);
  return { tree, settings: settings(stdout) };
}

async function byBuildah(folder: string, dockerfile: string): Promise<Read> {
  const archive = join(folder, 'theirs.tar');
  await theirs.buildah('bud', '--layers=false', '-f', dockerfile, '-t', 'one', context);
  await theirs.buildah('push', 'one', `oci-archive:${archive}`);
  return readBack(archive, folder);
}

async function byAssemble(folder: string, dockerfile: string): Promise<Read> {
  await using builder = openAssembleBuilder({
    version: '0.0.0',
    platform: { os: 'linux', architecture: 'amd64' },
    resolveBase: async (reference) => assert.fail(`there is no ${reference}`),
  });
  const target = targetIn(context, { dockerfile: { kind: 'file', path: dockerfile } });
  assert.deepEqual(await builder.unsupported(target), []);
  const built = await builder.build({
    target,
    store,
    bases: new Map(),
    onLog: () => undefined,
    onStep: () => undefined,
    signal: new AbortController().signal,
  });
  const archive = join(folder, 'ours.tar');
  const image = await loadImage(store, built, { reference: 'docker.io/library/ours:1' });
  await exportImage({ store, image, output: { kind: 'oci-archive', path: archive } });
  return readBack(archive, folder);
}
