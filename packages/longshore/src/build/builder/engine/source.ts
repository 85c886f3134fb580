import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { isLongshoreError } from '../../../errors.ts';
import { parseReference } from '../../../image/index.ts';
import { readIgnoreFile } from '../../context/readIgnore.ts';
import { parseDockerfile } from '../../dockerfile/parse.ts';
import { readStages } from '../../dockerfile/stages.ts';
import type { BuildTarget } from '../../target.ts';
import { contextTar } from '../contextTar.ts';
import { renameImages } from './rewrite.ts';

/** What is sent with a build, and under which name its Dockerfile is in there. */
export interface BuildSource {
  readonly dockerfile: string;
  /** Nothing where the engine fetches the context itself. */
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** The Dockerfile is sent as it is written, under its own name, and nothing besides the context. */
  readonly isUntouched: boolean;
  /** Registries that its base images are on. */
  readonly registries: readonly string[];
  /** What `# syntax=` names. */
  readonly syntax: string | undefined;
}

/**
 * Puts together the context of a build.
 * @param images other names for images, by what the Dockerfile calls them
 * @throws LongshoreError `ERR_CONTEXT_READ`, `ERR_DOCKERIGNORE_INVALID`, `ERR_DOCKERFILE_INVALID`
 */
export async function readSource(
  target: BuildTarget,
  images: ReadonlyMap<string, string>,
): Promise<BuildSource> {
  const { context, dockerfile } = target;
  const path = dockerfile.kind === 'file' ? dockerfile.path : undefined;
  if (context.kind === 'url') {
    return {
      dockerfile: path ?? 'Dockerfile',
      body: undefined,
      isUntouched: true,
      registries: [],
      syntax: undefined,
    };
  }
  const written =
    dockerfile.kind === 'inline' ? dockerfile.text : await readFile(dockerfile.path, 'utf8');
  const text = renameImages(written, images, target.args);
  const folder = context.path;
  const { rules } = await readIgnoreFile(folder, path);
  const inside = path === undefined ? undefined : pathInside(folder, path);
  const facts = factsOf(text, target.args);
  if (inside !== undefined && text === written && !rules.ignores(inside)) {
    const body = contextTar({ folder, rules, extra: new Map() });
    return { dockerfile: inside, body, isUntouched: true, ...facts };
  }
  // As Docker's client does it: a name that nobody else has, and which the engine then leaves out.
  const name = `.dockerfile.${randomBytes(10).toString('hex')}`;
  const ignored = rules.ignores('.dockerignore');
  const own = ignored ? '' : await readFile(join(folder, '.dockerignore'), 'utf8').catch(() => '');
  const lines = own === '' ? ['.dockerignore', name] : [own, name];
  const extra = new Map([
    ['.dockerignore', `${lines.join('\n')}\n`],
    [name, text],
  ]);
  const body = contextTar({ folder, rules, extra });
  return { dockerfile: name, body, isUntouched: false, ...facts };
}

function pathInside(folder: string, path: string): string | undefined {
  const inside = relative(folder, path);
  return inside.startsWith('..') || isAbsolute(inside) ? undefined : inside;
}

/** A Dockerfile that cannot be read says nothing: the engine will say what is wrong with it. */
function factsOf(
  text: string,
  args: BuildTarget['args'],
): Pick<BuildSource, 'registries' | 'syntax'> {
  try {
    const dockerfile = parseDockerfile(text, 'Dockerfile');
    const images = readStages(dockerfile, { args }).stages.filter(
      (stage) => stage.baseStage === undefined && stage.base !== 'scratch',
    );
    const registries = new Set(images.map((stage) => parseReference(stage.base).registry));
    return { registries: [...registries], syntax: dockerfile.syntax };
  } catch (error) {
    if (isLongshoreError(error)) return { registries: [], syntax: undefined };
    throw error;
  }
}
