import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isLongshoreError } from '../../../errors.ts';
import { BuiltImages, type Store } from '../../../store/index.ts';
import { readImage } from '../../../transfer/index.ts';
import type { BuildRequest } from '../../builder.ts';
import { readIgnoreFile } from '../../context/readIgnore.ts';
import { parseDockerfile } from '../../dockerfile/parse.ts';
import { readStages } from '../../dockerfile/stages.ts';
import type { Instruction } from '../../dockerfile/types.ts';
import type { BuildTarget, BuiltImage } from '../../target.ts';
import { contextTar } from '../contextTar.ts';
import { imagesOf } from './images.ts';

/** What an image is made of, apart from the images that it is built from. */
export interface Inputs {
  /** Covers the target, its Dockerfile and its context, times of files included. */
  readonly hash: string;
  /** What `FROM` and `COPY --from` name. */
  readonly images: readonly string[];
}

/**
 * Reads all that goes into a target, where that can be known: nothing fetched, no secrets, and nothing
 * that asks for a build without cache.
 * @returns nothing where it cannot
 */
export async function readInputs(target: BuildTarget): Promise<Inputs | undefined> {
  const { context, dockerfile } = target;
  if (context.kind !== 'folder' || !isClosed(target)) return undefined;
  try {
    const file = dockerfile.kind === 'file' ? dockerfile.path : undefined;
    const text = file === undefined ? inlineText(target) : await readFile(file, 'utf8');
    const { stages } = readStages(parseDockerfile(text, 'Dockerfile'), { args: target.args });
    if (stages.some(({ instructions }) => instructions.some(isOpen))) return undefined;
    const { name: _, place: __, tags: ___, ...wishes } = target;
    const hash = createHash('sha256').update(JSON.stringify([wishes, text]));
    const { rules } = await readIgnoreFile(context.path, file);
    const whole = contextTar({ folder: context.path, rules, extra: new Map() });
    for await (const chunk of whole) hash.update(chunk);
    return { hash: hash.digest('hex'), images: imagesOf(stages, target) };
  } catch {
    // The build itself will say what is wrong.
    return undefined;
  }
}

function inlineText({ dockerfile }: BuildTarget): string {
  return dockerfile.kind === 'inline' ? dockerfile.text : '';
}

/** Nothing of it comes from anywhere but its context and images. */
function isClosed(target: BuildTarget): boolean {
  const asks = [target.secrets, target.ssh, target.cacheFrom, target.cacheTo, target.noCacheFilter];
  return (
    !target.noCache &&
    !target.pull &&
    asks.every(({ length }) => length === 0) &&
    Object.values(target.contexts).every(({ kind }) => kind === 'image' || kind === 'target')
  );
}

/** It may read what is neither in the context nor in an image. */
function isOpen({ keyword, flags, text }: Instruction): boolean {
  if (keyword === 'RUN') return flags.some(({ name }) => name === 'mount');
  return keyword === 'ONBUILD' || (keyword === 'ADD' && /:\/\/|@|\$/.test(text));
}

/**
 * An image that was built before. Buildah commits the last step of a build straight to a registry, so
 * that its own cache never has it: without this the step ran again for every run, and made another
 * image.
 * @returns nothing where there is none, or the store does not have all of it any more
 */
export async function findBuilt(store: Store, key: string): Promise<BuiltImage | undefined> {
  try {
    const image = await new BuiltImages(store.path).find(key);
    if (image !== undefined) await readImage(image, store);
    return image;
  } catch (error) {
    if (isLongshoreError(error)) return undefined;
    throw error;
  }
}

/** What an image depends on besides its inputs. */
export interface Making {
  /** The builder and how it goes to work. */
  readonly by: readonly string[];
  /** The image that the builder has under a name; nothing where it would have to fetch one. */
  readonly idOf: (name: string) => Promise<string | undefined>;
}

/** Takes from the store what was built before of the same, and remembers what is built now. */
export async function unlessKnown(
  { target, store, onLog }: BuildRequest,
  making: Making,
  build: () => Promise<BuiltImage>,
): Promise<BuiltImage> {
  const inputs = await readInputs(target);
  if (inputs === undefined) return await build();
  const key = await makeKey(inputs, making);
  const before = key === undefined ? undefined : await findBuilt(store, key);
  if (before !== undefined) {
    onLog('Nothing that goes into it has changed: taken from the store');
    return before;
  }
  const image = await build();
  // Bases that were not here have been fetched by now; files may have changed meanwhile.
  const after = await makeKey(inputs, making);
  const isSame = (await readInputs(target))?.hash === inputs.hash;
  if (after !== undefined && isSame) {
    // What cannot be written costs a build the next time, and nothing else.
    await new BuiltImages(store.path).remember(after, image).catch(() => undefined);
  }
  return image;
}

async function makeKey(inputs: Inputs, { by, idOf }: Making): Promise<string | undefined> {
  const made = [...by];
  for (const name of inputs.images) {
    const id = await idOf(name);
    if (id === undefined) return undefined;
    made.push(`${name} ${id}`);
  }
  return keyOf(inputs, made);
}

/** @param made all else that the image depends on: the builder, and the images it is built from */
export function keyOf(inputs: Inputs, made: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([1, inputs.hash, made]))
    .digest('hex');
}
