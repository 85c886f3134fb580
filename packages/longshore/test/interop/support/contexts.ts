import { randomBytes } from 'node:crypto';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Kibibytes of noise in the largest file: enough that its layer takes several reads to arrive. */
const NOISE_KIB = 3000;

/**
 * A build context for three layers that say something about a file system: modes, links, an empty
 * file, a name outside ASCII, noise that does not compress, and a file that a later layer replaces.
 */
export async function writeBuildContext(folder: string, seed: string): Promise<void> {
  const base = join(folder, 'base');
  const data = join(folder, 'data');
  const last = join(folder, 'last');
  await Promise.all([base, data, last].map((path) => mkdir(path, { recursive: true })));
  await mkdir(join(base, 'bin'));
  await writeFile(join(base, 'bin/tool'), `#!/bin/sh\necho ${seed}\n`);
  await chmod(join(base, 'bin/tool'), 0o755);
  await writeFile(join(base, 'replaced'), 'what the first layer said\n');
  await writeFile(join(base, 'empty'), '');
  await symlink('bin/tool', join(base, 'link'));
  await writeFile(join(data, 'noise'), randomBytes(NOISE_KIB * 1024));
  await writeFile(join(data, 'zähler.txt'), 'one line\n'.repeat(50_000));
  await writeFile(join(last, 'replaced'), `what the last layer says: ${seed}\n`);
  await chmod(join(last, 'replaced'), 0o600);
  await writeFile(
    join(folder, 'Dockerfile'),
    [
      'FROM scratch',
      'COPY base/ /',
      'COPY data/ /data/',
      'COPY last/ /',
      `LABEL seed=${seed}`,
      'ENTRYPOINT ["/bin/tool"]',
      '',
    ].join('\n'),
  );
}
