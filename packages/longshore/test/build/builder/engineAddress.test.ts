import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type BuilderOptions, openBuilder } from '../../../src/build/index.ts';
import { buildFails } from '../builderContract.ts';

const fixtures = join(import.meta.dirname, '../../registry/fixtures');
const answer = '{"Version":"28.2.2"}';

let home: string;
let certificates: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-address-'));
  certificates = join(home, 'certificates');
  await mkdir(certificates);
  await copyFile(join(fixtures, 'ca.pem'), join(certificates, 'ca.pem'));
  await copyFile(join(fixtures, 'client.pem'), join(certificates, 'cert.pem'));
  await copyFile(join(fixtures, 'client.key'), join(certificates, 'key.pem'));
});
after(() => rm(home, { recursive: true, force: true }));

async function listen(
  server: Server,
  where: string | number,
): Promise<AsyncDisposable & { port: number }> {
  await new Promise<void>((resolve) =>
    typeof where === 'string'
      ? server.listen(where, resolve)
      : server.listen(where, '127.0.0.1', resolve),
  );
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Opens the engine that this environment leads to, and closes it again. */
async function versionAt(
  environment: BuilderOptions['environment'],
  dockerHost?: string,
): Promise<string> {
  const { builder } = await openBuilder('engine', {
    environment,
    temporaryFolder: home,
    dockerHost,
  });
  await using _open = builder;
  return builder.version;
}

describe('the address of a Docker Engine', () => {
  it('is a socket that DOCKER_HOST names', async () => {
    const socket = join(home, 'a.sock');
    await using _server = await listen(
      createServer((_, response) => response.end(answer)),
      socket,
    );
    assert.equal(await versionAt({ DOCKER_HOST: `unix://${socket}` }), 'Docker Engine 28.2.2');
  });

  it('is that of the current context of the configuration', async () => {
    const socket = join(home, 'b.sock');
    await using _server = await listen(
      createServer((_, response) => response.end(answer)),
      socket,
    );
    const config = join(home, 'config');
    const id = createHash('sha256').update('far').digest('hex');
    const meta = join(config, 'contexts/meta', id);
    await mkdir(meta, { recursive: true });
    await writeFile(join(config, 'config.json'), '{"currentContext":"far"}');
    const endpoints = { docker: { Host: `unix://${socket}` } };
    await writeFile(join(meta, 'meta.json'), JSON.stringify({ Name: 'far', Endpoints: endpoints }));
    assert.equal(await versionAt({ DOCKER_CONFIG: config }), 'Docker Engine 28.2.2');
    await assert.rejects(
      versionAt({ DOCKER_CONFIG: config, DOCKER_CONTEXT: 'gone' }),
      buildFails('ERR_BUILDER_ADDRESS', 'gone'),
    );
  });

  it('takes TLS with both sides verified', async () => {
    const [ca, cert, key] = await Promise.all(
      ['ca.pem', 'server.pem', 'server.key'].map((name) => readFile(join(fixtures, name))),
    );
    const options = { ca, cert, key, requestCert: true, rejectUnauthorized: true };
    const server = createSecureServer(options, (_, response) => response.end(answer));
    await using listening = await listen(server, 0);
    const DOCKER_HOST = `tcp://127.0.0.1:${listening.port}`;
    const known = { DOCKER_HOST, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates };
    assert.equal(await versionAt(known), 'Docker Engine 28.2.2');
    const stranger = { DOCKER_HOST, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(home, 'none') };
    await assert.rejects(versionAt(stranger), buildFails('ERR_BUILDER_GONE', DOCKER_HOST));
  });

  it('takes ssh, through the program of that name', async () => {
    const socket = join(home, 'c.sock');
    await using _server = await listen(
      createServer((_, response) => response.end(answer)),
      socket,
    );
    const bin = join(home, 'bin');
    await mkdir(bin);
    // Stands in for ssh and for the docker at its other end: what comes in goes to the socket.
    const script = `#!${process.execPath}
const { writeFileSync } = require('node:fs');
const { connect } = require('node:net');
writeFileSync(${JSON.stringify(join(home, 'ssh.args'))}, process.argv.slice(2).join(' '));
const socket = connect(${JSON.stringify(socket)});
process.stdin.pipe(socket).pipe(process.stdout);
`;
    await writeFile(join(bin, 'ssh'), script);
    await chmod(join(bin, 'ssh'), 0o755);
    assert.equal(
      await versionAt({ PATH: bin }, 'ssh://me@far.invalid:2222'),
      'Docker Engine 28.2.2',
    );
    assert.equal(
      await readFile(join(home, 'ssh.args'), 'utf8'),
      '-p 2222 -T -- me@far.invalid docker system dial-stdio',
    );
  });

  it('is refused where it is none', async () => {
    await assert.rejects(
      versionAt({ DOCKER_HOST: 'ftp://somewhere' }),
      buildFails('ERR_BUILDER_ADDRESS', 'ftp://somewhere'),
    );
  });
});
