import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openBuilder } from '../../../src/build/index.ts';
import { buildFails } from '../builderContract.ts';
import { targetIn, writeContext } from '../target.ts';

let home: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-open-'));
  // Enough of a buildah to be found: it says which version it is.
  await writeFile(
    join(home, 'buildah'),
    '#!/bin/sh\necho "buildah version 1.28.2 (image-spec 1)"\n',
  );
  await chmod(join(home, 'buildah'), 0o755);
});
after(() => rm(home, { recursive: true, force: true }));

/** An engine that says no more than which version it is. */
async function startVersionEngine(socket: string): Promise<AsyncDisposable> {
  const server = createServer((_, response) => response.end('{"Version":"28.2.2"}'));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('auto', () => {
  const options = (socket: string): Parameters<typeof openBuilder>[1] => ({
    environment: { PATH: home },
    temporaryFolder: home,
    dockerHost: `unix://${socket}`,
    buildx: { path: join(home, 'none') },
  });

  it('takes buildah where no engine answers, and says so', async () => {
    const socket = join(home, 'none.sock');
    const { builder, why } = await openBuilder('auto', options(socket));
    await using _open = builder;
    assert.equal(builder.name, 'buildah');
    assert.equal(
      why,
      `buildah 1.28.2: buildx is not installed here; no Docker Engine answers at unix://${socket}`,
    );
  });

  it('takes the engine that answers', async () => {
    const socket = join(home, 'docker.sock');
    await using _engine = await startVersionEngine(socket);
    const { builder, why } = await openBuilder('auto', options(socket));
    await using _open = builder;
    assert.equal(why, 'Docker Engine 28.2.2: buildx is not installed here');
  });

  it('takes the builder that can do what is asked for', async () => {
    const socket = join(home, 'docker.sock');
    await using _engine = await startVersionEngine(socket);
    const folder = join(home, 'context');
    await writeContext(folder, { Dockerfile: 'FROM scratch\nCOPY . /\n' });
    const secrets = [{ id: 'token', from: { kind: 'env' as const, variable: 'TOKEN' } }];
    const needs = [targetIn(folder), targetIn(folder, { name: 'web', secrets })];
    const { builder, why } = await openBuilder('auto', { ...options(socket), needs });
    await using _open = builder;
    assert.equal(builder.name, 'buildah');
    assert.equal(
      why,
      'buildah 1.28.2: buildx is not installed here; Docker Engine 28.2.2 cannot do secret token of web',
    );
  });

  it('takes the one that fails the fewest, where none can do all', async () => {
    const socket = join(home, 'docker.sock');
    await using _engine = await startVersionEngine(socket);
    const folder = join(home, 'context');
    await writeContext(folder, { Dockerfile: 'FROM scratch\nCOPY . /\n' });
    const attestations = [{ type: 'sbom' }];
    const secrets = [{ id: 'token', from: { kind: 'env' as const, variable: 'TOKEN' } }];
    const needs = [targetIn(folder, { attestations }), targetIn(folder, { secrets })];
    const { builder } = await openBuilder('auto', { ...options(socket), needs });
    await using _open = builder;
    assert.equal(builder.name, 'buildah');
  });

  it('says of each why not, where there is none', async () => {
    const socket = join(home, 'none.sock');
    const nothing = { ...options(socket), environment: { PATH: join(home, 'empty') } };
    const unanswered = `o Docker Engine answers at unix://${socket}`;
    await assert.rejects(
      openBuilder('engine', nothing),
      buildFails('ERR_BUILDER_GONE', unanswered),
    );
    await assert.rejects(
      openBuilder('auto', nothing),
      buildFails('ERR_BUILDER_GONE', 'buildx is not', unanswered, 'buildah is not installed'),
    );
  });
});
