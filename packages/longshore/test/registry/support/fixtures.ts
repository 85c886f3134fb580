import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Descriptor, digestOf, MEDIA_TYPES } from '../../../src/image/index.ts';
import {
  createRegistry,
  type Registry,
  type RegistryOptions,
  type RegistryUploads,
} from '../../../src/registry/index.ts';

/** A layer's worth of bytes with its descriptor. */
export function makeBlob(size: number): { bytes: Buffer; descriptor: Descriptor } {
  const bytes = randomBytes(size);
  const descriptor = { mediaType: MEDIA_TYPES.ociLayer, digest: digestOf(bytes), size };
  return { bytes, descriptor };
}

/** A small, valid image manifest. */
export function makeManifest(): { bytes: Buffer; descriptor: Descriptor } {
  const config = { ...makeBlob(2).descriptor, mediaType: MEDIA_TYPES.ociConfig };
  const layers = [makeBlob(64).descriptor];
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers };
  const bytes = Buffer.from(JSON.stringify(document));
  const descriptor = {
    mediaType: MEDIA_TYPES.ociManifest,
    digest: digestOf(bytes),
    size: bytes.byteLength,
  };
  return { bytes, descriptor };
}

/** A registry whose waits are recorded and not waited for. */
export function testRegistry(
  options: RegistryOptions = {},
): Registry & RegistryUploads & AsyncDisposable & { readonly sleeps: number[] } {
  const sleeps: number[] = [];
  const registry = createRegistry({
    sleep: (ms) => {
      sleeps.push(ms);
      return Promise.resolve();
    },
    random: () => 0.5,
    connectTimeoutMs: 5000,
    headersTimeoutMs: 5000,
    ...options,
  });
  return { ...registry, sleeps, [Symbol.asyncDispose]: () => registry.close() };
}

/** Everything that a blob brings, copied, since chunks are reused. */
export async function collect(stream: {
  consume(onChunk: (chunk: Uint8Array) => undefined): Promise<void>;
}): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await stream.consume((chunk) => {
    chunks.push(Buffer.from(chunk));
    return undefined;
  });
  return Buffer.concat(chunks);
}

/** A file of `test/registry/fixtures`: certificates and keys. */
export function fixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
}

/** What a TLS server of these tests shows. */
export function serverTls(name = 'server'): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: fixture(`${name}.pem`), key: fixture(`${name}.key`) };
}
