import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Descriptor, parseManifest } from '../../packages/longshore/src/image/index.ts';
import type { Store } from '../../packages/longshore/src/store/index.ts';

/** An OCI layout on disk, as far as an export reads from a store. */
export function layoutStore(directory: string): Pick<Store, 'open' | 'read' | 'blobPath' | 'stat'> {
  const blobPath: Store['blobPath'] = (digest) =>
    join(directory, 'blobs', digest.replace(':', '/'));
  return {
    blobPath,
    open: async (digest, options = {}) =>
      createReadStream(blobPath(digest), { highWaterMark: 2 ** 18, signal: options.signal }),
    read: async (digest) => readFile(blobPath(digest)),
    stat: async (digest) => (await stat(blobPath(digest))).size,
  };
}

/** The only image of a layout. */
export async function onlyImage(directory: string): Promise<Descriptor> {
  const index = parseManifest(await readFile(join(directory, 'index.json')));
  const descriptor = index.kind === 'index' ? index.manifests[0] : undefined;
  if (descriptor === undefined) throw new Error(`${directory} holds no image`);
  return descriptor;
}
