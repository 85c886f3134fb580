import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Authority,
  makeAuthority,
} from '../../packages/longshore/test/interop/support/certificates.ts';
import { startDockerRegistry } from '../../packages/longshore/test/interop/support/dockerRegistry.ts';
import { makeTempFolder } from '../../packages/longshore/test/interop/support/files.ts';
import {
  type LayerImage,
  writeLayerImage,
} from '../../packages/longshore/test/interop/support/layerImage.ts';
import { copyWithSkopeo } from '../../packages/longshore/test/interop/support/readBack.ts';

/** Debian's docker-registry on loopback, once over plain HTTP and once over TLS, over one storage. */
export interface Stage extends AsyncDisposable {
  /** For everything that a benchmark writes. */
  readonly folder: string;
  readonly plainHost: string;
  readonly tlsHost: string;
  readonly authority: Authority;
  /** Makes an image with these layers, pushes it, and forgets the local copy. */
  push(name: string, layerBytes: readonly number[], repeat?: boolean): Promise<LayerImage>;
}

export async function setStage(): Promise<Stage> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await makeTempFolder('bench')).path;
  const storage = join(folder, 'storage');
  const authority = await makeAuthority(folder);
  const plain = cleanup.use(await startDockerRegistry({ storage }));
  const tls = cleanup.use(await startDockerRegistry({ storage, tls: authority.server }));
  const owned = cleanup.move();
  return {
    folder,
    plainHost: plain.host,
    tlsHost: tls.host,
    authority,
    async push(name, layerBytes, repeat = false) {
      const path = join(folder, 'made');
      const image = await writeLayerImage(path, layerBytes, { repeat });
      await copyWithSkopeo(`oci:${path}:${image.name}`, `docker://${plain.host}/${name}`);
      await rm(path, { recursive: true });
      return image;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Each layer is this much of the one before it: a few large ones and a tail, as images have them. */
const LAYER_RATIO = 0.8;

/** Splits `totalBytes` into layers, the largest first. */
export function layerSizes(totalBytes: number, count: number): readonly number[] {
  const weights = Array.from({ length: count }, (_, index) => LAYER_RATIO ** index);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => Math.round((totalBytes * weight) / sum));
}
