import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isLongshoreError, LongshoreError } from '../../errors.ts';
import type { ExportNote } from '../events.ts';
import { emitTree } from '../layer/emit.ts';
import type { FileTree } from '../layer/fileTree.ts';
import type { LayerSource } from '../layer/source.ts';
import { TarStream } from '../layer/tarStream.ts';
import type { TarMember } from '../tar/writer.ts';
import { compressionLevel, converterArguments, type SquashfsOptions } from './arguments.ts';
import type { Converter } from './converter.ts';
import type { Machine } from './machine.ts';
import { runConverter } from './run.ts';

export interface WriteSquashfsOptions extends SquashfsOptions {
  readonly converter: Converter;
  /** Where in the file the squashfs starts. Only `mksquashfs` can place it. */
  readonly offsetBytes?: number | undefined;
  /** Threads and memory that the process may use, for the defaults. */
  readonly machine: Machine;
  readonly nowMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** The converter has got all of it, and may still be at work. */
  readonly onAllRead?: (() => void) | undefined;
}

/** What squashfs can hold. */
const XATTR = /^(user|trusted|security)\./;
/** Orders to the kernel's overlayfs, not content; an image must not bring them along. */
const OVERLAY = /^(trusted|user)\.overlay\./;
const MAX_TIME = 0xffff_ffff;

/**
 * Streams a flattened image into a squashfs file: no tree on disk, no root.
 * @returns what squashfs could not hold
 * @throws LongshoreError `ERR_CONVERTER_FAILED`, `ERR_DISK_FULL`, `ERR_LAYER_...`
 */
export async function writeSquashfs(
  image: { readonly tree: FileTree; readonly sources: readonly LayerSource[] },
  output: string,
  options: WriteSquashfsOptions,
): Promise<ExportNote[]> {
  const { converter, machine } = options;
  const compression = options.compression ?? 'gzip';
  const args = converterArguments(converter.name, {
    output,
    offsetBytes: options.offsetBytes ?? 0,
    compression,
    level: compressionLevel(compression, options.level),
    ...boundsOf(options, machine),
    rootMode: image.tree.info(0).mode,
  });
  const filter = new SquashfsFilter(converter);
  try {
    await runConverter(converter, args, toTar(image, filter, options), {
      signal: options.signal,
      sourceDateEpoch: newestTime(image.tree, options.nowMs),
    });
  } catch (error) {
    throw await explain(error, output);
  }
  return filter.notes();
}

/** Whatever was asked for: threads beyond the cores wait, memory beyond the limit ends the job. */
function boundsOf(
  { jobs, memoryBytes }: SquashfsOptions,
  { parallelism, memoryBytes: allowed }: Machine,
): { readonly jobs: number; readonly memoryBytes: number } {
  return {
    jobs: Math.min(jobs ?? parallelism, parallelism),
    memoryBytes:
      memoryBytes === undefined
        ? Math.min(USUAL_MEMORY_BYTES, allowed / 8)
        : Math.min(memoryBytes, allowed / 2),
  };
}

const USUAL_MEMORY_BYTES = 256 * 1024 ** 2;

/** `tar2sqfs` calls a full disk an I/O error. */
async function explain(error: unknown, output: string): Promise<unknown> {
  if (!isLongshoreError(error) || error.code !== 'ERR_CONVERTER_FAILED') return error;
  const { bavail, bsize } = await statfs(dirname(output));
  if (bavail * bsize >= FULL_BYTES) return error;
  return new LongshoreError(`The disk is full: ${error.message}`, {
    code: 'ERR_DISK_FULL',
    origin: 'disk',
    hint: 'Make room, or write to another file system',
    cause: error,
  });
}

/** Less than this is left when a converter could not write a block. */
const FULL_BYTES = 1024 ** 2;

async function* toTar(
  image: { readonly tree: FileTree; readonly sources: readonly LayerSource[] },
  filter: SquashfsFilter,
  options: WriteSquashfsOptions,
): AsyncGenerator<Iterable<Buffer>> {
  const stream = new TarStream((member) => filter.apply(member));
  for await (const items of emitTree(image.tree, image.sources, options)) {
    yield stream.write(items);
  }
  yield stream.end();
  options.onAllRead?.();
}

/**
 * The newest time in the image that is not in the future. Given as `SOURCE_DATE_EPOCH` it changes
 * no file, but replaces the moment of the run in the superblock and in the root directory, for
 * which mksquashfs 4.5 in its tar mode has no option that works (`-root-time` is passed over).
 */
function newestTime(tree: FileTree, nowMs: number): number {
  const now = Math.floor(nowMs / 1000);
  let newest = 0;
  for (const layer of tree.layers) {
    for (let entry = 0; entry < layer.length; entry++) {
      const time = Math.floor(layer.mtime(entry));
      if (time > newest && time <= now) newest = time;
    }
  }
  return newest;
}

class SquashfsFilter {
  readonly #converter: Converter;
  #lostXattrs = 0;
  #lostRootOwner = 0;

  constructor(converter: Converter) {
    this.#converter = converter;
  }

  apply(member: TarMember): TarMember | undefined {
    // mksquashfs takes the root's mode by option and knows no entry for it.
    if (member.path === '' && this.#converter.name === 'mksquashfs') {
      if (member.uid !== 0 || member.gid !== 0) this.#lostRootOwner++;
      return undefined;
    }
    const mtime = Math.min(Math.max(0, Math.floor(member.mtime)), MAX_TIME);
    return { ...member, mtime, xattrs: this.#xattrs(member) };
  }

  #xattrs(member: TarMember): TarMember['xattrs'] {
    if (member.xattrs === undefined) return undefined;
    const kept = [...member.xattrs].filter(([name]) => XATTR.test(name) && !OVERLAY.test(name));
    if (kept.length < member.xattrs.size) this.#lostXattrs++;
    return kept.length === 0 ? undefined : new Map(kept);
  }

  notes(): ExportNote[] {
    const notes: ExportNote[] = [];
    if (this.#lostXattrs > 0) {
      notes.push({
        code: 'xattrs-left-out',
        message: 'attributes that squashfs cannot hold were left out (ACLs, or overlayfs marks)',
        count: this.#lostXattrs,
      });
    }
    if (this.#lostRootOwner > 0) {
      notes.push({
        code: 'root-owner-left-out',
        message: 'the root directory belongs to root, the image has another owner for it',
        count: 1,
      });
    }
    return notes;
  }
}
