import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Store } from '../store/index.ts';
import { dockerFiles } from './archive/docker.ts';
import { type ArchiveFile, writeTarFile } from './archive/file.ts';
import { ociFiles } from './archive/oci.ts';
import { replaceFile, sharedMode } from './disk.ts';
import type { ExportListener, ExportNote } from './events.ts';
import { type ExportImage, storeLayers } from './image.ts';
import { type IndexedImage, indexImage } from './indexImage.ts';
import type { FileTree } from './layer/fileTree.ts';
import { LayerBudget, type LayerLimits } from './layer/limits.ts';
import { memoryLayer } from './layer/memoryLayer.ts';
import { readLayer } from './layer/readLayer.ts';
import type { LayerSource } from './layer/source.ts';
import type { Output } from './output.ts';
import { Progress } from './progress.ts';
import { writeRootfs } from './rootfs/write.ts';
import { singularityFiles } from './sif/rootFiles.ts';
import { writeSif } from './sif/write.ts';
import type { SquashfsOptions } from './squashfs/arguments.ts';
import { findConverter } from './squashfs/converter.ts';
import { readMachine } from './squashfs/machine.ts';
import { writeSquashfs } from './squashfs/write.ts';

export interface ExportOptions extends SquashfsOptions {
  /**
   * Takes all times and identities from the image: equal images give equal bytes, also on another
   * day (with the same converter).
   * @defaultValue false
   */
  readonly reproducible?: boolean | undefined;
  readonly limits?: LayerLimits | undefined;
  /** Where converters are looked for, as `PATH` has it; see `findConverter`. */
  readonly searchPath?: string | undefined;
  /** `mksquashfs`, `tar2sqfs`, or an absolute path. */
  readonly converter?: string | undefined;
  /**
   * Permission bits of the file that is written.
   * @defaultValue 0o755 for a SIF, which can be started like a program, else 0o644; less the umask,
   *   but for a directory that has set-gid and belongs to a group
   */
  readonly mode?: number | undefined;
}

export interface ExportRequest {
  readonly store: Pick<Store, 'open'>;
  readonly image: ExportImage;
  readonly output: Output;
  readonly options?: ExportOptions | undefined;
  /**
   * The layers, where they do not come out of the store as they are: ones that still download.
   * @defaultValue `storeLayers(store, image)`
   */
  readonly layers?: readonly LayerSource[] | undefined;
  /** What `indexImage` has found of these layers; it is used up. @defaultValue they are read first */
  readonly indexed?: IndexedImage | undefined;
  readonly onEvent?: ExportListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExportResult {
  readonly output: Output;
  /** Of the file; of all files of a directory together. */
  readonly bytes: number;
  /** What could not be carried over. */
  readonly notes: readonly ExportNote[];
}

/**
 * Writes one image in one of the shapes of `OutputKind`. A file appears under its name only when
 * it is whole; whatever fails, nothing is left beside it.
 * @throws LongshoreError `ERR_CONVERTER_NOT_FOUND`, `ERR_CONVERTER_FAILED`, `ERR_DISK_FULL`,
 *   `ERR_OUTPUT_WRITE`, `ERR_OUTPUT_EXISTS` (a `rootfs:` that is not empty), `ERR_LAYER_...`,
 *   `ERR_TAR_INVALID`, `ERR_LIMIT_...`, `ERR_BLOB_NOT_FOUND`
 */
export async function exportImage(request: ExportRequest): Promise<ExportResult> {
  const progress = new Progress(request.onEvent);
  const notes = await write(request, progress);
  for (const note of notes.list) request.onEvent?.({ type: 'export.note', ...note });
  const bytes = notes.bytes ?? (await stat(request.output.path)).size;
  return { output: request.output, bytes, notes: notes.list };
}

interface Written {
  readonly list: readonly ExportNote[];
  readonly bytes?: number;
}

async function write(request: ExportRequest, progress: Progress): Promise<Written> {
  const { store, image, output, signal } = request;
  const layers = request.layers ?? storeLayers(store, image);
  switch (output.kind) {
    case 'sif':
    case 'squashfs':
      return writeImageFile(request, progress);
    case 'rootfs':
      return writeTree(request, progress);
    case 'oci-archive':
      return writeArchive(request, ociFiles(image, layers));
    case 'docker-archive':
      return writeArchive(request, await dockerFiles(image, layers, signal));
  }
}

async function writeImageFile(request: ExportRequest, progress: Progress): Promise<Written> {
  const { image, output, options = {}, signal } = request;
  // Before the layers are read: an hour of reading must not end in "there is no converter".
  const converter = await findConverter(options);
  const machine = await readMachine();
  const content = await flatten(request, progress);
  if (output.kind === 'sif') await addSingularityFiles(content, image);
  const common = {
    ...options,
    converter,
    machine,
    nowMs: Date.now(),
    signal,
    onBytes: progress.startWriting(),
    onAllRead: () => progress.allWritten(),
  };
  let list: readonly ExportNote[] = [];
  await replaceFile(
    output.path,
    options.mode ?? (await sharedMode(output.path, output.kind === 'sif' ? 0o755 : 0o644)),
    async (partial) => {
      list =
        output.kind === 'sif'
          ? await writeSif(content, partial, {
              ...common,
              image,
              reproducible: options.reproducible ?? false,
            })
          : await writeSquashfs(content, partial, common);
    },
  );
  return { list };
}

/** More layers than this only wait for each other. */
const MAX_INDEXED_AT_ONCE = 4;

interface Content {
  readonly tree: FileTree;
  readonly sources: LayerSource[];
}

async function flatten(request: ExportRequest, progress: Progress): Promise<Content> {
  const sources = [...(request.layers ?? storeLayers(request.store, request.image))];
  const { limits, jobs = availableParallelism() } = request.options ?? {};
  const { onEvent, signal } = request;
  const { tree, plainBytes } =
    request.indexed ??
    (await indexImage(sources, {
      limits,
      width: Math.min(jobs, MAX_INDEXED_AT_ONCE),
      signal,
      onBytes: progress.startIndexing(),
      onEvent,
    }));
  progress.knows(plainBytes);
  return { tree, sources };
}

async function addSingularityFiles(content: Content, image: ExportImage): Promise<void> {
  const source = memoryLayer(singularityFiles(image, content.tree));
  content.sources.push(source);
  content.tree.apply(await readLayer(source, { budget: new LayerBudget({}, 0) }));
}

async function writeTree(request: ExportRequest, progress: Progress): Promise<Written> {
  const content = await flatten(request, progress);
  const { notes, bytes } = await writeRootfs(content, request.output.path, {
    signal: request.signal,
    onBytes: progress.startWriting(),
  });
  return { list: notes, bytes };
}

async function writeArchive(
  request: ExportRequest,
  files: readonly ArchiveFile[],
): Promise<Written> {
  const { output, options, signal } = request;
  const mode = options?.mode ?? (await sharedMode(output.path, 0o644));
  return { list: [], bytes: await writeTarFile(output.path, files, { mode, signal }) };
}
