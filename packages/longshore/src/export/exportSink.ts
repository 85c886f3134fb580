import { constants, copyFile, link, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createLimiter } from '../concurrency/index.ts';
import { LongshoreError } from '../errors.ts';
import type { Platform } from '../image/index.ts';
import type { ImageSink, SinkProgress, StoredImage } from '../transfer/index.ts';
import { type ApptainerPlace, warmApptainerCache } from './apptainerCache.ts';
import { diskError, makeDirectory, partialName } from './disk.ts';
import { addEstimates, type ExportEstimate, estimateExport } from './estimate.ts';
import type { ExportEvent } from './events.ts';
import { type ExportOptions, exportImage } from './exportImage.ts';
import { loadImage } from './image.ts';
import { IndexAhead } from './indexAhead.ts';
import { imageFileName, type NamingScheme } from './names.ts';
import type { Output, OutputKind } from './output.ts';
import { isSifOf } from './sif/read.ts';
import { findConverter } from './squashfs/converter.ts';

export interface ExportSinkOptions {
  /** A file, or a directory for the files of many images: see `directory`. */
  readonly output: Output;
  /**
   * Whether the path is a directory in which each image gets a file of its own.
   * @defaultValue true with `naming`, where the path ends in a slash, or is a directory already
   */
  readonly directory?: boolean | undefined;
  /** How files in the directory are called. @defaultValue 'plain' */
  readonly naming?: NamingScheme | undefined;
  /** For `nf-core`: registries for which links are made. */
  readonly registries?: readonly string[] | undefined;
  /**
   * How the list that was pulled writes an image, by its whole name: workflow engines make file
   * names from text. An image with several spellings gets links for all but the first.
   */
  readonly spellings?: ReadonlyMap<string, readonly string[]> | undefined;
  /** Which image of an index. */
  readonly platform?: Platform | undefined;
  /**
   * Conversions at once; those that wait go largest first.
   * @defaultValue 1: a converter uses all cores by itself
   */
  readonly width?: number | undefined;
  readonly options?: ExportOptions | undefined;
  /** Puts each SIF into Apptainer's cache as well; needs `platform`. @defaultValue left alone */
  readonly apptainer?: ApptainerPlace | undefined;
  readonly onEvent?: ((image: StoredImage, event: ExportEvent) => void) | undefined;
}

/** An image that is about to be pulled, as far as an estimate goes. */
export interface ExpectedImage extends StoredImage {
  /** Of config and layers. */
  readonly storedBytes: number;
}

export interface ExportSink extends ImageSink {
  /** What these images will take; those that are there already take nothing. Touches nothing. */
  forecast(images: readonly ExpectedImage[]): Promise<ExportEstimate>;
}

const EXTENSIONS: Readonly<Record<OutputKind, string>> = {
  sif: '.sif',
  squashfs: '.sqfs',
  'oci-archive': '.oci.tar',
  'docker-archive': '.docker.tar',
  rootfs: '',
};

/**
 * Turns each image of a run into a file as soon as it is whole in the store, while others still
 * download. A SIF that is there already and was made from the same image is left as it is, so
 * that a run that is started again goes on where it was.
 * @throws LongshoreError from `add`: `ERR_OUTPUT_EXISTS` for a second image where there is one
 *   file for all, and what `exportImage` throws
 */
export function createExportSink(sinkOptions: ExportSinkOptions): ExportSink {
  const { output, width = 1, platform } = sinkOptions;
  const limiter = createLimiter({ name: 'export', width });
  const isDirectory = decideDirectory(sinkOptions);
  const taken = new Map<string, string>();
  const ahead = new IndexAhead({
    limits: sinkOptions.options?.limits,
    onEvent: sinkOptions.onEvent,
  });
  return {
    name: `${output.kind}:${output.path}`,
    queues: true,
    async expect(stored, context) {
      if (!READ_TWICE.has(output.kind)) return;
      const { path } = placeIn(sinkOptions, stored, await isDirectory);
      if (!(await isMade(output.kind, path, stored))) await ahead.expect(stored, context);
    },
    async add(stored, { store, signal, onProgress }) {
      const image = await loadImage(store, stored.descriptor, { reference: stored.name, platform });
      const names = placeIn(sinkOptions, stored, await isDirectory);
      if (await isDirectory) await makeDirectory(output.path);
      refuseSharedPath(taken, names.path, stored);
      const bytes = image.manifest.layers.reduce((sum, { size }) => sum + size, 0);
      using _permit = await limiter.acquire({ bytes, label: stored.name, signal });
      if (await isMade(output.kind, names.path, image)) {
        ahead.drop(stored);
      } else {
        await exportImage({
          store,
          image,
          output: { kind: output.kind, path: names.path },
          options: sinkOptions.options,
          indexed: await ahead.take(stored),
          signal,
          onEvent: (event) => {
            if (event.type === 'export.progress') onProgress?.(progressOf(event));
            sinkOptions.onEvent?.(stored, event);
          },
        });
      }
      for (const alias of names.aliases) await linkTo(names.path, alias);
      await warm(sinkOptions, names.path, stored);
    },
    async forecast(images) {
      const converter =
        output.kind === 'sif' || output.kind === 'squashfs'
          ? (await findConverter(sinkOptions.options)).name
          : undefined;
      const inside = await isDirectory;
      const estimates: ExportEstimate[] = [];
      for (const image of images) {
        const { path } = placeIn(sinkOptions, image, inside);
        if (await isMade(output.kind, path, image)) continue;
        estimates.push(estimateExport(image.storedBytes, output.kind, converter));
      }
      return addEstimates(estimates);
    },
  };
}

/** Shapes that need all headers before the first byte is written. */
const READ_TWICE: ReadonlySet<OutputKind> = new Set(['sif', 'squashfs', 'rootfs']);

function progressOf({
  phase,
  doneBytes,
  totalBytes,
}: Extract<ExportEvent, { type: 'export.progress' }>): SinkProgress {
  return { step: phase === 'index' ? 'read' : 'write', doneBytes, totalBytes };
}

async function decideDirectory(options: ExportSinkOptions): Promise<boolean> {
  const { output, directory, naming } = options;
  if (directory !== undefined) return directory;
  if (naming !== undefined || output.path.endsWith('/')) return true;
  // An empty directory is what one image's tree may be unpacked into.
  if (output.kind === 'rootfs') return false;
  return stat(output.path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

interface Place {
  readonly path: string;
  readonly aliases: readonly string[];
}

function placeIn(options: ExportSinkOptions, stored: StoredImage, isDirectory: boolean): Place {
  const { output } = options;
  if (!isDirectory) return { path: output.path, aliases: [] };
  const [name = '', ...rest] = namesOf(options, stored);
  const aliases = new Set(rest);
  aliases.delete(name);
  const inside = (file: string): string => join(output.path, file);
  return { path: inside(name), aliases: [...aliases].map(inside) };
}

/** The file's name first, then all by which it is looked for as well. */
function namesOf(options: ExportSinkOptions, stored: StoredImage): string[] {
  const { naming = 'plain', output, registries, spellings } = options;
  const names = (spellings?.get(stored.name) ?? [stored.name]).map((text) =>
    imageFileName(naming, text, { registries, extension: EXTENSIONS[output.kind] }),
  );
  return names.flatMap(({ name, aliases }) => [name].concat(aliases));
}

function refuseSharedPath(taken: Map<string, string>, path: string, stored: StoredImage): void {
  const other = taken.get(path);
  taken.set(path, other ?? stored.name);
  if (other === undefined || other === stored.name) return;
  throw new LongshoreError(`${path} cannot hold both ${other} and ${stored.name}`, {
    code: 'ERR_OUTPUT_EXISTS',
    origin: 'input',
    hint: 'Name a directory (with a slash at its end) to get a file for each image',
  });
}

async function isMade(
  kind: OutputKind,
  path: string,
  { descriptor }: Pick<StoredImage, 'descriptor'>,
): Promise<boolean> {
  return kind === 'sif' && (await isSifOf(path, descriptor.digest));
}

/** Apptainer looks for what a tag led to, which is the index where there is one. */
async function warm(options: ExportSinkOptions, sif: string, stored: StoredImage): Promise<void> {
  const { apptainer, platform } = options;
  if (apptainer === undefined || platform === undefined) return;
  await warmApptainerCache({
    ...apptainer,
    sif,
    platform,
    tagDescriptor: stored.root ?? stored.descriptor,
    imageDescriptor: stored.descriptor,
  });
}

async function linkTo(path: string, alias: string): Promise<void> {
  const partial = partialName(alias);
  try {
    await linkOrCopy(path, partial);
    await rename(partial, alias);
  } catch (error) {
    await rm(partial, { force: true });
    throw diskError(alias, error);
  }
}

/** Where a file system has no links of either kind, a second name costs a second file. */
async function linkOrCopy(path: string, to: string): Promise<void> {
  const ways = [
    () => symlink(basename(path), to),
    () => link(path, to),
    () => copyFile(path, to, constants.COPYFILE_FICLONE),
  ];
  let failure: unknown;
  for (const way of ways) {
    try {
      return await way();
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
