import { type Digest, formatPlatform, type Platform, parseReference } from '../../image/index.ts';
import type { ResolvedImage } from '../../transfer/index.ts';
import { openRegistry, readConnection } from '../connect.ts';
import { printDocument } from '../documents.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { withInterrupts } from '../interrupts.ts';
import { choosePlatform } from '../pull/platform.ts';
import { openStoreIfThere } from '../stores.ts';
import type { CommandContext } from './context.ts';

interface Layer {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/** What `layers --json` prints; its schema is `longshore schema layers`. */
export interface LayersDocument {
  readonly reference: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly platform?: string;
  readonly config?: Layer;
  readonly layers: readonly Layer[];
  readonly bytes: number;
}

/** `longshore layers REF` */
export async function runLayers(context: CommandContext): Promise<number> {
  const { args, settings, host, print } = context;
  const reference = parseReference(args[0] ?? '');
  const platform = choosePlatform(settings.platform, host);
  if (platform === 'all') {
    throw usageError('layers: --platform all has no meaning here', 'Name one platform');
  }
  const image = await withInterrupts(host, (signal) =>
    resolve(context, reference, { platform, signal }),
  );
  const document = layersDocument(image);
  if (settings.json === true) await printDocument(context, document);
  else for (const { digest, size } of document.layers) print(`${digest} ${size}\n`);
  return EXIT.ok;
}

async function resolve(
  context: CommandContext,
  reference: ReturnType<typeof parseReference>,
  { platform, signal }: { readonly platform: Platform; readonly signal: AbortSignal },
): Promise<ResolvedImage> {
  const { NOTHING_HELD, resolveImage } = await import('../../transfer/index.ts');
  const connection = await readConnection(context);
  const store = await openStoreIfThere(context);
  try {
    const registry = await openRegistry(context, connection);
    try {
      return await resolveImage(reference, {
        store: store ?? NOTHING_HELD,
        registry,
        platform,
        keep: false,
        signal,
      });
    } finally {
      await registry.close();
    }
  } finally {
    await store?.close();
  }
}

function layersDocument({
  name,
  descriptor,
  platform,
  blobs,
  layers,
}: ResolvedImage): LayersDocument {
  const [config] = blobs;
  return {
    reference: name,
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
    ...(config === undefined ? {} : { config: layerOf(config) }),
    layers: layers.map(layerOf),
    bytes: layers.reduce((sum, { size }) => sum + size, 0),
  };
}

function layerOf({ digest, size, mediaType }: Layer): Layer {
  return { digest, size, mediaType };
}
