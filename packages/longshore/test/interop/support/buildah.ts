import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempFolder } from './files.ts';
import { mustRun } from './programs.ts';

/** buildah with its own storage, so that it neither sees nor leaves images on this machine. */
export interface Buildah extends AsyncDisposable {
  /** Runs buildah and gives its stdout. */
  buildah(...args: readonly string[]): Promise<string>;
}

export async function makeBuildah(): Promise<Buildah> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await makeTempFolder('buildah')).path;
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  const policy = join(folder, 'policy.json');
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const registries = join(folder, 'registries.conf');
  await writeFile(registries, '');
  const flags = [
    '--root',
    join(folder, 'root'),
    '--runroot',
    join(folder, 'run'),
    '--storage-driver',
    'vfs',
    '--registries-conf',
    registries,
  ];
  const owned = cleanup.move();
  return {
    buildah: (command = '', ...args) =>
      mustRun(
        'buildah',
        [
          ...flags,
          command,
          ...(TAKES_POLICY.has(command) ? ['--signature-policy', policy] : []),
          ...args,
        ],
        { env: { TMPDIR: temporary, BUILDAH_ISOLATION: 'chroot' } },
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const TAKES_POLICY: ReadonlySet<string> = new Set(['bud', 'commit', 'from', 'pull', 'push']);
