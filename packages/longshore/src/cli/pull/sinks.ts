import { formatReference, type Platform, parseReference } from '../../image/index.ts';
import type { ImageSink } from '../../transfer/index.ts';
import { usageError } from '../failures.ts';
import type { Settings } from '../settings/resolve.ts';
import { exportOptions } from './exportOptions.ts';
import { type OutputSpec, parseOutput } from './outputs.ts';

export interface SinkRequest {
  readonly settings: Settings;
  readonly cwd: string;
  /** As the user wrote them: workflow engines make file names from text. */
  readonly inputs: readonly string[];
  readonly platform: Platform | 'all';
  /** `PATH`, where converters are looked for. */
  readonly searchPath: string | undefined;
  /** What an export could not carry over, for a person. */
  readonly onNote: (text: string) => void;
}

/**
 * The sinks that `--to` asks for, each once.
 * @throws LongshoreError `ERR_USAGE`
 */
export async function openSinks(request: SinkRequest): Promise<readonly ImageSink[]> {
  const outputs = (request.settings.to ?? []).map((text) => parseOutput(text, request.cwd));
  const unique = new Map(outputs.map((output) => [`${output.kind}:${output.path}`, output]));
  return Promise.all(Array.from(unique.values(), (output) => openSink(output, request)));
}

async function openSink({ kind, path }: OutputSpec, request: SinkRequest): Promise<ImageSink> {
  if (kind === 'oci' || kind === 'layers') {
    const { createLayersSink, createOciSink } = await import('../../transfer/index.ts');
    return kind === 'oci' ? createOciSink(path) : createLayersSink(path);
  }
  const { settings, platform, searchPath, onNote } = request;
  if (platform === 'all') {
    throw usageError(`--to ${kind}: takes one platform`, 'Leave --platform all out, or name one');
  }
  const { createExportSink } = await import('../../export/index.ts');
  const { name: naming } = settings;
  return createExportSink({
    output: { kind, path },
    naming: isNaming(naming) ? naming : undefined,
    spellings: spellingsOf(request.inputs),
    platform,
    options: exportOptions(settings, searchPath),
    onEvent: (image, event) => {
      if (event.type === 'export.note') onNote(`${image.name}: ${event.message}`);
    },
  });
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

const NAMINGS = ['plain', 'nextflow', 'snakemake', 'nf-core'] as const;

function isNaming(word: string | undefined): word is (typeof NAMINGS)[number] {
  return NAMINGS.some((naming) => naming === word);
}
