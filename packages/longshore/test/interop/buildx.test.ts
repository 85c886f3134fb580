import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descendantsOf, kill, killAll } from '../../src/build/builder/descendants.ts';
import { openBuilder } from '../../src/build/index.ts';
import { type BuilderSubject, testBuilderContract } from '../build/builderContract.ts';
import { testRunContract } from '../build/runContract.ts';
import { makeTempFolder } from './support/files.ts';
import { unmountBelow } from './support/mounts.ts';
import { findProgram, mustRun, type Service, startService } from './support/programs.ts';

// Debian has neither, and building them takes minutes: `bash bench/buildkit.sh` puts them there.
const tools = join(tmpdir(), 'longshore-buildkit');
const buildx = findProgram('buildx') ?? join(tools, 'buildx');
const buildkitd = findProgram('buildkitd') ?? join(tools, 'buildkitd');
const missing = !existsSync(buildx) || !existsSync(buildkitd);
if (missing)
  process.stderr.write(
    '\n*** SKIPPED: buildx and buildkitd are not here; see bench/buildkit.sh ***\n',
  );

let daemon: Service | undefined;

const subject: BuilderSubject = {
  kind: 'buildx',
  skip: missing && 'buildx and buildkitd are not here; see bench/buildkit.sh',
  async open() {
    await using cleanup = new AsyncDisposableStack();
    const folder = cleanup.use(await makeTempFolder('buildx')).path;
    cleanup.defer(() => unmountBelow(folder));
    const socket = `unix://${join(folder, 'buildkitd.sock')}`;
    daemon = cleanup.use(
      startService(buildkitd, [
        '--root',
        join(folder, 'root'),
        '--addr',
        socket,
        '--oci-worker-net=host',
        '--containerd-worker=false',
      ]),
    );
    await daemon.says(/running server/);
    const config = join(folder, 'config');
    await mkdir(config);
    const environment = {
      PATH: `${join(buildx, '..')}:${process.env['PATH']}`,
      DOCKER_CONFIG: config,
    };
    const create = ['create', '--name', 'contract', '--driver', 'remote', '--use', socket];
    await mustRun(buildx, create, { env: environment });
    const { builder } = await openBuilder('buildx', { environment, temporaryFolder: folder });
    cleanup.use(builder);
    const owned = cleanup.move();
    return { builder, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  },
};

testBuilderContract(subject);

testRunContract({
  ...subject,
  busybox: findProgram('busybox') ?? '',
  async crash() {
    if (daemon === undefined) return;
    const started = await descendantsOf(daemon.pid);
    kill(daemon.pid, 'SIGKILL');
    await killAll(started);
  },
});
