import { formatReference, parseReference } from '../../image/index.ts';
import { isDockerSyntax } from '../dockerfile/directives.ts';
import { namedImages } from '../dockerfile/namedImages.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { PLATFORM_ARGS } from '../dockerfile/platformArgs.ts';
import { findStage, readStages, type Stage } from '../dockerfile/stages.ts';
import type { Dockerfile } from '../dockerfile/types.ts';
import { BuildInputError } from '../problems.ts';
import type { BuildTarget, SourcePlace } from '../target.ts';
import type { PlacedTarget } from './draft.ts';
import type { Report } from './tree.ts';

/** An image or named context that a target's Dockerfile asks for. */
export interface Ingredient {
  /** As the Dockerfile calls it, expanded. */
  readonly reference: string;
  readonly place: SourcePlace;
}

/**
 * What the stages that lead to a target's result are made of, besides each other.
 * @param text - the Dockerfile
 */
export function findIngredients(
  placed: PlacedTarget,
  dockerfile: { readonly text: string; readonly file: string },
  options: { readonly report: Report; readonly warn: (message: string) => void },
): readonly Ingredient[] {
  const { target } = placed;
  const { file } = dockerfile;
  const parsed = readParts(target, dockerfile, options);
  if (parsed === undefined) return [];
  const { stages, source } = parsed;
  const last = target.stage === undefined ? stages.at(-1) : findStage(stages, target.stage);
  if (last === undefined) {
    const names = stages.flatMap(({ name }) => name ?? []);
    const known = names.length === 0 ? 'none has a name' : `there are ${names.join(', ')}`;
    options.report(placed.placeOf('target'), `${file} has no stage ${target.stage}; ${known}`);
    return [];
  }
  return collect(last, { stages, source, target });
}

function readParts(
  target: BuildTarget,
  { text, file }: { readonly text: string; readonly file: string },
  options: { readonly report: Report; readonly warn: (message: string) => void },
): { readonly stages: readonly Stage[]; readonly source: Dockerfile } | undefined {
  let foreign = false;
  try {
    const source = parseDockerfile(text, file);
    const syntax = target.args['BUILDKIT_SYNTAX'] ?? source.syntax;
    foreign = !isDockerSyntax(syntax);
    if (foreign) {
      options.warn(
        `${file} is written for ${syntax}: what ${target.name} is built from may be missed`,
      );
    }
    return {
      stages: readStages(source, { args: target.args, predefined: PLATFORM_ARGS }).stages,
      source,
    };
  } catch (error) {
    if (!(error instanceof BuildInputError)) throw error;
    if (!foreign) for (const { place, message } of error.problems) options.report(place, message);
    return undefined;
  }
}

interface Collecting {
  readonly stages: readonly Stage[];
  readonly source: Dockerfile;
  readonly target: BuildTarget;
}

function collect(last: Stage, collecting: Collecting): readonly Ingredient[] {
  const { stages, source, target } = collecting;
  const found = new Map<string, Ingredient>();
  const seen = new Set<Stage>();
  const open: Stage[] = [last];
  const use = (reference: string, line: number, stage: Stage | undefined): void => {
    if (stage !== undefined && !Object.hasOwn(target.contexts, reference)) open.push(stage);
    else if (reference !== 'scratch' && reference !== '' && !found.has(reference)) {
      found.set(reference, { reference, place: { file: source.file, line, column: 1 } });
    }
  };
  for (let stage = open.pop(); stage !== undefined; stage = open.pop()) {
    if (seen.has(stage)) continue;
    seen.add(stage);
    const { index, base, baseStage, from } = stage;
    use(base, from.line, baseStage === undefined ? undefined : stages[baseStage]);
    const earlier = stages.slice(0, index);
    for (const instruction of stage.instructions) {
      // BuildKit expands no variables there.
      for (const name of namedImages(instruction)) {
        use(name, instruction.line, findStage(earlier, name));
      }
    }
  }
  return [...found.values()];
}

/** A name as registries know it, for comparing; what is no reference stays as it is. */
export function canonicalName(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch {
    return name;
  }
}
