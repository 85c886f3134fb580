import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BuildTarget } from '../../src/build/index.ts';

/** Files of a build context by path; texts, or bytes of what can be run. */
export type ContextFiles = Readonly<Record<string, string | Uint8Array>>;

/** Writes a build context below `folder`, which is made. */
export async function writeContext(folder: string, files: ContextFiles): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const full = join(folder, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, content, { mode: typeof content === 'string' ? 0o644 : 0o755 });
  }
}

/** A target that asks for nothing but what is given: its context a folder, its Dockerfile in there. */
export function targetIn(folder: string, fields: Partial<BuildTarget> = {}): BuildTarget {
  return {
    name: 'app',
    place: { file: join(folder, 'docker-bake.json') },
    context: { kind: 'folder', path: folder },
    dockerfile: { kind: 'file', path: join(folder, 'Dockerfile') },
    tags: [],
    platforms: [],
    args: {},
    labels: {},
    annotations: [],
    contexts: {},
    secrets: [],
    ssh: [],
    cacheFrom: [],
    cacheTo: [],
    noCache: false,
    noCacheFilter: [],
    pull: false,
    ulimits: [],
    extraHosts: {},
    entitlements: [],
    attestations: [],
    ...fields,
  };
}
