import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Descriptor,
  type Digest,
  parseManifest,
} from '../../packages/longshore/src/image/index.ts';
import { openStore, type Store } from '../../packages/longshore/src/store/index.ts';

/**
 * Brings the only image of an OCI layout into a store. Nothing is done for what the store has.
 * @returns the reference by which the store has it, and needs no registry
 */
export async function seedStore(layout: string, path: string): Promise<string> {
  const store = await openStore(path);
  const fileOf = (digest: Digest): string => join(layout, 'blobs', digest.replace(':', '/'));
  try {
    const index = parseManifest(await readFile(join(layout, 'index.json')));
    const descriptor = index.kind === 'index' ? index.manifests[0] : undefined;
    if (descriptor === undefined) throw new Error(`${layout} holds no image`);
    const manifest = parseManifest(await readFile(fileOf(descriptor.digest)));
    if (manifest.kind !== 'manifest') throw new Error(`${layout} holds no single image`);
    for (const blob of [descriptor, manifest.config, ...manifest.layers]) {
      await bring(store, blob, fileOf(blob.digest));
    }
    const name = `localhost/bench@${descriptor.digest}`;
    await store.setReference(name, descriptor);
    return name;
  } finally {
    await store.close();
  }
}

async function bring(store: Store, blob: Descriptor, file: string): Promise<void> {
  const ingest = await store.ingest(blob);
  if (ingest === undefined) return;
  let at = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    const bytes: Buffer = chunk;
    await ingest.write(at, bytes);
    at += bytes.length;
  }
  await ingest.commit();
}
