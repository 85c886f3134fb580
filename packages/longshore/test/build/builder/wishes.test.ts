import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildahArguments } from '../../../src/build/builder/buildah/arguments.ts';
import { loopbackHosts } from '../../../src/build/builder/buildah/configuration.ts';
import { buildahCannot } from '../../../src/build/builder/buildah/wishes.ts';
import { buildxArguments } from '../../../src/build/builder/buildx/arguments.ts';
import { buildxCannot } from '../../../src/build/builder/buildx/wishes.ts';
import { suitsBuildKit } from '../../../src/build/builder/engine/kit.ts';
import { buildParameters } from '../../../src/build/builder/engine/parameters.ts';
import { renameImages } from '../../../src/build/builder/engine/rewrite.ts';
import { engineCannot } from '../../../src/build/builder/engine/wishes.ts';
import type { BuildTarget } from '../../../src/build/index.ts';
import { targetIn } from '../target.ts';

function wish(fields: Partial<BuildTarget> & { readonly text?: string }): BuildTarget {
  const { text = 'FROM scratch\n', ...others } = fields;
  return targetIn('/context', { dockerfile: { kind: 'inline', text }, ...others });
}

const all = wish({
  stage: 'out',
  args: { A: 'x y' },
  labels: { l: '1' },
  shmBytes: 1024,
  network: 'none',
  noCache: true,
  pull: true,
  ulimits: ['nofile=10:20'],
  extraHosts: { db: ['10.0.0.1', '10.0.0.2'] },
});

describe('what builders are asked for', () => {
  it('reaches buildah as arguments, secrets by their place alone', () => {
    const target = {
      ...all,
      secrets: [{ id: 's', from: { kind: 'env' as const, variable: 'V' } }],
    };
    const args = buildahArguments({
      target,
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
      bases: new Map([['base:1', '127.0.0.1:1/base:1']]),
      dockerfile: '/Dockerfile',
      authFile: '/auth.json',
      destination: '127.0.0.1:1/built:x',
      isolation: undefined,
    });
    for (const wanted of [
      '--target=out',
      '--build-arg=A=x y',
      '--label=l=1',
      '--shm-size=1024b',
      '--network=none',
      '--no-cache',
      '--pull=true',
      '--ulimit=nofile=10:20',
      '--add-host=db:10.0.0.2',
      '--secret=id=s,env=V',
      '--build-context=base:1=docker-image://127.0.0.1:1/base:1',
      '--tag=docker://127.0.0.1:1/built:x',
    ]) {
      assert.ok(args.includes(wanted), `${wanted} in ${args.join(' ')}`);
    }
    assert.equal(args.at(-1), '/context');
  });

  it('reaches buildx as arguments, with commas where they belong', () => {
    const target = {
      ...all,
      secrets: [{ id: 's', from: { kind: 'file' as const, path: '/a,b' } }],
      cacheTo: [{ type: 'local', dest: '/with "quotes", and comma' }],
    };
    const args = buildxArguments({
      target,
      instance: 'mine',
      bases: new Map([['base:1', '/layout@sha256:0']]),
      dockerfile: '/Dockerfile',
      output: '/out',
      metadataFile: '/metadata',
    });
    for (const wanted of [
      '--builder=mine',
      '--secret=id=s,"src=/a,b"',
      '--cache-to=type=local,"dest=/with ""quotes"", and comma"',
      '--output=type=oci,tar=false,dest=/out',
      '--build-context=base:1=oci-layout:///layout@sha256:0',
      '--provenance=false',
    ]) {
      assert.ok(args.includes(wanted), `${wanted} in ${args.join(' ')}`);
    }
  });

  it('reaches an engine as a query', () => {
    const call = { dockerfile: 'D', platform: undefined, tag: 't', kit: undefined };
    const query = buildParameters(all, call);
    assert.deepEqual([query['version'], query['networkmode']], ['1', 'none']);
    assert.equal(query['buildargs'], '{"A":"x y"}');
    assert.equal(query['ulimits'], '[{"Name":"nofile","Soft":10,"Hard":20}]');
    assert.equal(query['extrahosts'], 'db:10.0.0.1,db:10.0.0.2');
    assert.deepEqual([query['nocache'], query['pull'], query['target']], ['1', '1', 'out']);
  });

  it('goes to the BuildKit of an engine where that needs no session for it', () => {
    const kit = { network: 'none' };
    const call = { dockerfile: 'D', platform: undefined, tag: 't', kit };
    const [silent, asking] = [wish({}), wish({ network: 'host' })];
    const networks = [silent, asking].map((one) => buildParameters(one, call)['networkmode']);
    assert.deepEqual(networks, ['none', 'host']);
    assert.equal(buildParameters(silent, call)['version'], '2');
    const fine = { target: asking, isUntouched: true, syntax: undefined, needsLogin: false };
    assert.equal(suitsBuildKit(fine), true);
    assert.equal(suitsBuildKit({ ...fine, isUntouched: false }), false);
    assert.equal(suitsBuildKit({ ...fine, needsLogin: true }), false);
    assert.equal(suitsBuildKit({ ...fine, syntax: 'docker/dockerfile:1' }), false);
    assert.equal(suitsBuildKit({ ...fine, target: all }), false);
    assert.equal(suitsBuildKit({ ...fine, target: wish({ network: 'mine' }) }), false);
  });

  it('is refused by name where a builder cannot do it', async () => {
    const text = 'FROM scratch\nRUN --mount=type=secret,id=s true\nCOPY <<E /x\nhello\nE\n';
    const asking = wish({
      text,
      secrets: [{ id: 's', from: { kind: 'env', variable: 'V' } }],
      attestations: [{ type: 'sbom' }, { type: 'provenance', disabled: 'true' }],
      cacheTo: [{ type: 'gha' }],
      noCacheFilter: ['one'],
      entitlements: ['security.insecure', 'network.host'],
      platforms: [{ os: 'linux', architecture: 's390x' }],
    });
    assert.deepEqual(await engineCannot(asking), [
      'here-documents',
      'RUN --mount',
      'secret s',
      'cache-to of type gha',
      'no-cache-filter one',
      'entitlement security.insecure',
      'attestation sbom',
    ]);
    const byBuildah = await buildahCannot({ ...asking, platforms: [] }, '1.28.2');
    assert.deepEqual(byBuildah, [
      'here-documents (buildah 1.33 has them)',
      'no-cache-filter one',
      'cache-to of type gha',
      'entitlement security.insecure',
      'attestation sbom',
    ]);
    assert.deepEqual(await buildahCannot(wish({ text }), '1.39.3'), []);
    const instance = { driver: 'remote', nodes: 1, platforms: ['linux/amd64', 'linux/arm64'] };
    assert.deepEqual(await buildxCannot(asking, instance), [
      'platform linux/s390x (no node of the instance runs it)',
    ]);
  });
});

describe('images of the store in a Dockerfile for an engine', () => {
  it('take the places of the names that it uses, and no others', () => {
    const text = `ARG BASE=team/base:1
FROM team/base:1 AS team
FROM \${BASE} AS two
FROM team
COPY --from=team/base:1 /a /team/base:1
COPY --from=two /b \\
  /b
`;
    const renamed = renameImages(text, new Map([['team/base:1', '127.0.0.1:5/base/x:1']]), {});
    assert.equal(
      renamed,
      `ARG BASE=team/base:1
FROM 127.0.0.1:5/base/x:1 AS team
FROM 127.0.0.1:5/base/x:1 AS two
FROM team
COPY --from=127.0.0.1:5/base/x:1 /a /team/base:1
COPY --from=two /b \\
  /b
`,
    );
  });
});

describe('hosts that buildah asks over plain HTTP', () => {
  it('are those on loopback alone', () => {
    const text = `FROM 127.0.0.1:5000/a:1
FROM localhost/b
COPY --from=[::1]:80/c x y
FROM registry.example/localhost/d
FROM 127.0.0.1.example/e
FROM localhost.example/f`;
    assert.deepEqual([...loopbackHosts(text)], ['127.0.0.1:5000', 'localhost', '[::1]:80']);
  });
});
