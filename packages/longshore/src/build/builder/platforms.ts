import { MEDIA_TYPES, type Platform } from '../../image/index.ts';
import type { Store } from '../../store/index.ts';
import type { BuiltImage } from '../target.ts';

/**
 * Builds a target for each of its platforms with a builder that makes one image at a time.
 * @returns the image where there is one platform, else an index over them, in the order of `platforms`
 */
export async function buildEachPlatform(
  platforms: readonly Platform[],
  store: Store,
  build: (platform: Platform | undefined) => Promise<BuiltImage>,
): Promise<BuiltImage> {
  if (platforms.length < 2) return await build(platforms[0]);
  const manifests: object[] = [];
  for (const platform of platforms) {
    const { mediaType, digest, size } = await build(platform);
    const { os, architecture, variant } = platform;
    manifests.push({
      mediaType,
      digest,
      size,
      platform: { architecture, os, ...(variant === undefined ? {} : { variant }) },
    });
  }
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  return await store.put(MEDIA_TYPES.ociIndex, Buffer.from(JSON.stringify(index)));
}
