import { isLongshoreError } from '../../../errors.ts';
import type { BuildRequest } from '../../builder.ts';
import { namedImages } from '../../dockerfile/namedImages.ts';
import { parseDockerfile } from '../../dockerfile/parse.ts';
import { PLATFORM_ARGS } from '../../dockerfile/platformArgs.ts';
import { readStages, type Stage } from '../../dockerfile/stages.ts';
import type { Dockerfile } from '../../dockerfile/types.ts';
import type { BuildTarget } from '../../target.ts';

/** What `FROM`, `COPY --from` and `RUN --mount=from=` name, with what named contexts say of it. */
export function imagesOf(
  stages: readonly Stage[],
  { contexts }: Pick<BuildTarget, 'contexts'>,
): readonly string[] {
  const own = new Set(stages.flatMap(({ name, index }) => [name ?? '', String(index)]));
  // A context goes before a stage of its name.
  const isGiven = (name: string): boolean => Object.hasOwn(contexts, name);
  const bases = stages
    .filter(({ base, baseStage }) => baseStage === undefined || isGiven(base))
    .map(({ base }) => base);
  const copied = stages
    .flatMap(({ instructions }) => instructions)
    .flatMap(namedImages)
    .filter((name) => isGiven(name) || !own.has(name.toLowerCase()));
  const named = new Set([...bases, ...copied].filter((name) => name !== 'scratch'));
  return Array.from(named, (name) => {
    const context = isGiven(name) ? contexts[name] : undefined;
    return context?.kind === 'image' ? context.reference : name;
  });
}

/**
 * What building a target may ask registries for: images that it names and that are not here, and caches.
 * Triggers of a base image (`ONBUILD COPY --from`) are not foreseen: a registry that they name and the
 * target does not is asked without credentials.
 * @param text - the Dockerfile
 * @returns nothing where it cannot be known for certain
 */
export function imagesAskedFor(
  { target, bases }: Pick<BuildRequest, 'target' | 'bases'>,
  text: string,
): readonly string[] | undefined {
  const { context, contexts, dockerfile } = target;
  const isFetched = [context, ...Object.values(contexts)].some(({ kind }) => kind === 'url');
  // Buildah sends it through `cpp`, which may take in other files.
  const isPreprocessed = dockerfile.kind === 'file' && dockerfile.path.endsWith('.in');
  if (isFetched || isPreprocessed) return undefined;
  const others = Object.entries(contexts).filter(([, { kind }]) => kind !== 'image');
  const here = new Set([...bases.keys(), ...others.map(([name]) => name)]);
  const named = imagesNamed(target, text)?.filter((name) => !here.has(name));
  const caches = [...target.cacheFrom, ...target.cacheTo].flatMap((entry) => entry['ref'] ?? []);
  return named && [...named, ...caches];
}

function imagesNamed(target: BuildTarget, text: string): readonly string[] | undefined {
  try {
    const dockerfile = parseDockerfile(text, 'Dockerfile');
    const options = { args: target.args, predefined: PLATFORM_ARGS };
    const { stages, globalArgs } = readStages(dockerfile, options);
    const images = imagesOf(stages, target);
    const isKnown = (name: string): boolean =>
      globalArgs.has(name) && !Object.hasOwn(PLATFORM_ARGS, name);
    const certain = decisiveTexts(dockerfile, stages).flatMap(variablesIn).every(isKnown);
    return certain && !images.some((image) => image.includes('$')) ? images : undefined;
  } catch (error) {
    // Buildah may read it otherwise than we do.
    if (isLongshoreError(error)) return undefined;
    throw error;
  }
}

/**
 * All that may decide about a registry. What buildah has a value for and we have not (platforms,
 * arguments that are not declared there, proxies) must not stand in it. Behind the first slash, as in
 * `FROM registry.lab/base:$TARGETARCH`, it does no harm.
 */
function decisiveTexts({ instructions }: Dockerfile, stages: readonly Stage[]): readonly string[] {
  const first = instructions.findIndex(({ keyword }) => keyword === 'FROM');
  return [
    ...instructions.slice(0, first).map(({ text }) => text),
    ...stages.map(({ from }) => from.text.split('/', 1)[0] ?? ''),
  ];
}

function variablesIn(text: string): readonly string[] {
  return Array.from(text.matchAll(/\$\{?(\w+)/g), ([, name = '']) => name);
}
