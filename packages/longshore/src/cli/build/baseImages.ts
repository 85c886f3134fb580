import type { AssembleOptions } from '../../build/index.ts';
import { LongshoreError } from '../../errors.ts';
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  type Platform,
  parseReference,
} from '../../image/index.ts';
import type { Yard } from './carryOut.ts';

/** Brings images that Dockerfiles name into the store, each once however many builds ask for it. */
export function baseImages({
  store,
  registry,
}: Pick<Yard, 'store' | 'registry'>): AssembleOptions['resolveBase'] {
  const asked = new Map<string, Promise<Descriptor>>();

  async function fetch(
    reference: string,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<Descriptor> {
    const { pull } = await import('../../transfer/index.ts');
    const { images } = await pull([reference], {
      store,
      registry,
      platform,
      workers: 'auto',
      signal,
    });
    signal.throwIfAborted();
    const error = images[0]?.error;
    if (error !== undefined) {
      throw new LongshoreError(`${reference}: ${error.message}`, {
        code: error.code,
        origin: 'registry',
        hint: error.hint,
      });
    }
    const found = await store.getReference(formatReference(parseReference(reference)));
    if (found !== undefined) return found;
    throw new LongshoreError(`${reference} is gone from the store`, {
      code: 'ERR_IMAGE_NOT_FOUND',
      origin: 'store',
      hint: 'Another process has removed it; build again',
    });
  }

  return (reference, platform, signal) => {
    const key = `${reference} ${formatPlatform(platform)}`;
    const known = asked.get(key);
    if (known !== undefined) return known;
    const fetching = fetch(reference, platform, signal);
    asked.set(key, fetching);
    // A failure is this build's alone: the next one asks anew.
    fetching.catch(() => asked.delete(key));
    return fetching;
  };
}
