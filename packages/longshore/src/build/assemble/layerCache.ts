import { createHash } from 'node:crypto';
import type { Store } from '../../store/index.ts';
import type { LayerMember } from './layerBytes.ts';
import { type WriteLayerOptions, type WrittenLayer, writeLayer } from './writeLayer.ts';

/**
 * A file that was changed this shortly before it was read may be changed again within the same tick
 * of its clock, unseen. The kernel's coarse clock has ticks of up to 10 ms.
 */
const SETTLED_MS = 20;

export interface LayerCacheOptions extends WriteLayerOptions {
  readonly store: Store;
  readonly nowMs: number;
}

/**
 * Layers that this process has written, by what they were made of: targets that copy the same files
 * to the same place compress them once, and those that come while it is done wait for it.
 */
export class LayerCache {
  readonly #layers = new Map<string, Promise<WrittenLayer>>();

  async write(members: readonly LayerMember[], options: LayerCacheOptions): Promise<WrittenLayer> {
    const key = keyOf(members, options);
    if (key === undefined) return writeLayer(members, options);
    const known = this.#layers.get(key);
    if (known !== undefined) {
      const layer = await known.catch(() => undefined);
      if (layer !== undefined && (await options.store.has(layer.descriptor))) return layer;
    }
    const written = writeLayer(members, options);
    this.#layers.set(key, written);
    written.catch(() => {
      if (this.#layers.get(key) === written) this.#layers.delete(key);
    });
    return written;
  }
}

/** @returns nothing for what cannot be told apart from what it may become */
function keyOf(members: readonly LayerMember[], options: LayerCacheOptions): string | undefined {
  const { mtime, compression, nowMs } = options;
  const hash = createHash('sha256');
  hash.update(JSON.stringify([mtime, compression]));
  for (const [path, node] of members) {
    const { type, mode, uid, gid, size, linkPath, xattrs, device, inode, content } = node;
    if (changedAtMs(content) > nowMs - SETTLED_MS) return undefined;
    const attributes = [...(xattrs ?? [])].map(([name, value]) => [name, value.toString('hex')]);
    const meta = [path, type, mode, uid, gid, size, linkPath, device, inode, attributes];
    hash.update(JSON.stringify([...meta, contentKey(content)]));
  }
  return hash.digest('hex');
}

function changedAtMs(content: LayerMember[1]['content']): number {
  if (content?.kind === 'host') return content.changedAtMs;
  return content?.kind === 'archive' ? (content.archive.changedAtMs ?? 0) : 0;
}

function contentKey(content: LayerMember[1]['content']): unknown {
  if (content === undefined) return null;
  if (content.kind === 'host') return [content.path, content.identity];
  if (content.kind === 'archive') return [content.archive.id, content.entry];
  return createHash('sha256').update(content.bytes).digest('hex');
}
