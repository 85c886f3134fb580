import { LongshoreError } from '../../errors.ts';
import type { LockedImage } from '../../export/index.ts';
import {
  type Descriptor,
  formatReference,
  MAX_MANIFEST_BYTES,
  parseManifest,
  parseReference,
  type Reference,
  readDescriptor,
} from '../../image/index.ts';
import type { Store } from '../../store/index.ts';
import type { Entry } from '../pull/listFile.ts';

/**
 * What a list means in a store, each image once and in order: a name what it led to when it was
 * pulled, a name with a digest that very manifest or index.
 * @throws LongshoreError `ERR_REFERENCE_INVALID`, `ERR_IMAGE_NOT_HELD`
 */
export async function openBundleSource(
  store: Pick<Store, 'stat' | 'read' | 'getReference'>,
  entries: readonly Entry[],
): Promise<readonly LockedImage[]> {
  const images = new Map<string, LockedImage>();
  for (const { input, where } of entries) {
    const reference = parseReference(input);
    const name = formatReference(reference);
    const descriptor = await find(store, reference, name);
    if (descriptor === undefined) throw notHeld(input, where);
    images.set(name, { reference: name, descriptor });
  }
  return [...images.values()];
}

async function find(
  store: Pick<Store, 'stat' | 'read' | 'getReference'>,
  { digest }: Reference,
  name: string,
): Promise<Descriptor | undefined> {
  if (digest === undefined) return store.getReference(name);
  const size = await store.stat(digest);
  if (size === undefined) return undefined;
  const { mediaType } = parseManifest(await store.read(digest, MAX_MANIFEST_BYTES));
  return readDescriptor({ mediaType, digest, size }, name);
}

function notHeld(input: string, where: string | undefined): LongshoreError {
  const place = where === undefined ? '' : `${where}: `;
  return new LongshoreError(`${place}${input} is not in the store`, {
    code: 'ERR_IMAGE_NOT_HELD',
    origin: 'store',
    hint: `Pull it first: longshore pull ${input}`,
  });
}
