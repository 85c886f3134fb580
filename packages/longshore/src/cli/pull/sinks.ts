import { stat } from 'node:fs/promises';
import type { ExportSink } from '../../export/index.ts';
import { isStream } from '../../fileSystem.ts';
import { formatReference, type Platform, parseReference } from '../../image/index.ts';
import type { ImageSink } from '../../transfer/index.ts';
import { usageError } from '../failures.ts';
import type { Settings } from '../settings/resolve.ts';
import { exportOptions } from './exportOptions.ts';
import type { Note } from './notes.ts';
import { type OutputSpec, parseOutput } from './outputs.ts';

export interface SinkRequest {
  readonly settings: Settings;
  readonly cwd: string;
  /** As the user wrote them: workflow engines make file names from text. */
  readonly inputs: readonly string[];
  readonly platform: Platform | 'all';
  /** `PATH`, where converters are looked for. */
  readonly searchPath: string | undefined;
  /** Where Apptainer keeps its cache, for `--warm-apptainer`. */
  readonly apptainerCache: string;
  /** What an export could not carry over, for a person. */
  readonly onNote: (note: Note) => void;
}

/** A sink, where it writes to, and what it can say about that before. */
export interface OpenedSink {
  readonly sink: ImageSink;
  readonly path: string;
  readonly forecast?: ExportSink['forecast'];
}

/**
 * The sinks that `--to` asks for, each once.
 * @throws LongshoreError `ERR_USAGE`, `ERR_CONVERTER_NOT_FOUND`, `ERR_APPTAINER_VERSION`
 */
export async function openSinks(request: SinkRequest): Promise<readonly OpenedSink[]> {
  const outputs = (request.settings.to ?? []).map((text) => parseOutput(text, request.cwd));
  const unique = new Map(outputs.map((output) => [`${output.kind}:${output.path}`, output]));
  if (request.settings['warm-apptainer'] === true && !outputs.some(({ kind }) => kind === 'sif')) {
    throw usageError('--warm-apptainer: there is no --to sif: to put into its cache');
  }
  const wanted = [...unique.values()];
  const streams = await findStreams(wanted);
  return Promise.all(
    wanted.map((output) => openSink(output, request, { toStream: streams.has(output) })),
  );
}

/** Which outputs go into what is there. Two archives one after the other are none that anybody reads. */
async function findStreams(outputs: readonly OutputSpec[]): Promise<ReadonlySet<OutputSpec>> {
  const streams = new Set<OutputSpec>();
  const taken = new Map<string, string>();
  for (const output of outputs) {
    const { path } = output;
    if (!(await isStream(path))) continue;
    const { dev, ino } = await stat(path);
    const other = taken.get(`${dev} ${ino}`);
    if (other !== undefined) throw usageError(`--to: ${other} and ${path} are the same place`);
    taken.set(`${dev} ${ino}`, path);
    streams.add(output);
  }
  return streams;
}

async function openSink(
  { kind, path }: OutputSpec,
  request: SinkRequest,
  { toStream }: { readonly toStream: boolean },
): Promise<OpenedSink> {
  if (kind === 'oci' || kind === 'layers') {
    const { createLayersSink, createOciSink } = await import('../../transfer/index.ts');
    return { sink: kind === 'oci' ? createOciSink(path) : createLayersSink(path), path };
  }
  const { settings, platform, searchPath, onNote, apptainerCache } = request;
  if (platform === 'all') {
    throw usageError(`--to ${kind}: takes one platform`, 'Leave --platform all out, or name one');
  }
  const { checkApptainer, createExportSink, findConverter, NAMING_SCHEMES } = await import(
    '../../export/index.ts'
  );
  if (toStream && !kind.endsWith('-archive')) {
    throw usageError(
      `--to ${kind}:${path}: that is no regular file`,
      'Only archives can be written to a pipe or a device',
    );
  }
  const options = exportOptions(settings, searchPath);
  const warm = kind === 'sif' && settings['warm-apptainer'] === true;
  // What is missing for every image has to be known before the first is fetched.
  if (kind === 'sif' || kind === 'squashfs') await findConverter(options);
  if (warm) await checkApptainer({ searchPath });
  const sink = createExportSink({
    output: { kind, path },
    naming: NAMING_SCHEMES.find((scheme) => scheme === settings.name),
    spellings: spellingsOf(request.inputs),
    platform,
    options,
    ...(warm ? { apptainer: { cacheDirectory: apptainerCache, searchPath } } : {}),
    onEvent: (image, event) => {
      if (event.type === 'export.note') onNote({ image: image.name, message: event.message });
    },
  });
  return { sink, path, forecast: (images) => sink.forecast(images) };
}

/**
 * How each image was written, by its whole name. A pinned one counts as written without its digest
 * as well, where no other of the list is: a workflow has the name that was locked. What is no
 * reference fails by itself elsewhere.
 */
function spellingsOf(inputs: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const unique = [...new Set(inputs)];
  const bare = Map.groupBy(unique, withoutDigest);
  const spellings = new Map<string, string[]>();
  for (const input of unique) {
    const name = wholeName(input);
    if (name === undefined) continue;
    const short = withoutDigest(input);
    const alone = short !== input && bare.get(short)?.length === 1;
    spellings.set(name, [...(spellings.get(name) ?? []), input, ...(alone ? [short] : [])]);
  }
  return spellings;
}

function withoutDigest(input: string): string {
  return input.replace(/@[^@]*$/, '');
}

function wholeName(input: string): string | undefined {
  try {
    return formatReference(parseReference(input));
  } catch {
    return undefined;
  }
}
