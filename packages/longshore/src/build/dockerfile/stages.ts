import { isLongshoreError } from '../../errors.ts';
import { BuildInputError, type BuildProblem } from '../problems.ts';
import { expandWord } from './expand.ts';
import type { Dockerfile, Instruction } from './types.ts';
import { splitWords } from './words.ts';

/** One `FROM` and what follows it. */
export interface Stage {
  /** From 0; `COPY --from=0` names it too. */
  readonly index: number;
  /** What `AS` calls it, lower case. */
  readonly name?: string | undefined;
  readonly from: Instruction;
  /** What it is based on, expanded: an image, an earlier stage's name, `scratch` or a named context. */
  readonly base: string;
  /** The stage that `base` means, where it means one. */
  readonly baseStage?: number | undefined;
  /** `--platform`, expanded. */
  readonly platform?: string | undefined;
  readonly instructions: readonly Instruction[];
}

export interface StagesOptions {
  /** Build arguments: they win over the defaults of the `ARG`s before the first `FROM`. */
  readonly args: Readonly<Record<string, string>>;
  /** What is set without an ARG there: `TARGETPLATFORM`, `TARGETARCH`, `BUILDPLATFORM`, ... */
  readonly predefined?: Readonly<Record<string, string>> | undefined;
}

export interface Stages {
  readonly stages: readonly Stage[];
  /** The `ARG`s before the first `FROM`, with the values that an `ARG X` in a stage takes over. */
  readonly globalArgs: ReadonlyMap<string, string>;
}

/**
 * Takes a Dockerfile apart at its `FROM`s and says what each is based on.
 * @throws BuildInputError `ERR_DOCKERFILE_INVALID` with all that is wrong
 */
export function readStages(dockerfile: Dockerfile, options: StagesOptions): Stages {
  const problems: BuildProblem[] = [];
  const globals: Globals = { dockerfile, options, values: new Map(), problems };
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const instruction of dockerfile.instructions) {
    const current = stages.at(-1);
    if (instruction.keyword === 'FROM') stages.push(readFrom(instruction, stages, globals));
    else if (current !== undefined) current.instructions.push(instruction);
    else if (instruction.keyword === 'ARG') declare(instruction, globals);
    else wrong(instruction, globals, `${instruction.keyword} before the first FROM`);
  }
  if (stages.length === 0 && problems.length === 0) {
    problems.push({ place: { file: dockerfile.file }, message: 'it has no FROM' });
  }
  if (problems.length > 0) throw new BuildInputError('ERR_DOCKERFILE_INVALID', problems);
  return { stages, globalArgs: globals.values };
}

/** The stage of that name or number, `undefined` where there is none. */
export function findStage(stages: readonly Stage[], wanted: string): Stage | undefined {
  const name = wanted.toLowerCase();
  return stages.findLast((stage) => stage.name === name) ?? stages.find(hasIndex(wanted));
}

interface Globals {
  readonly dockerfile: Dockerfile;
  readonly options: StagesOptions;
  readonly values: Map<string, string>;
  readonly problems: BuildProblem[];
}

function hasIndex(wanted: string): (stage: Stage) => boolean {
  return (stage) => String(stage.index) === wanted;
}

function declare(instruction: Instruction, globals: Globals): void {
  for (const word of splitWords(instruction.text, globals.dockerfile.escape)) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const given = own(globals.options.args, name) ?? own(globals.options.predefined, name);
    const value =
      given ?? (equals < 0 ? undefined : expand(word.slice(equals + 1), instruction, globals));
    if (value !== undefined) globals.values.set(name, value);
  }
}

const STAGE_NAME = /^[a-z][a-z0-9_.-]*$/;

function readFrom(
  instruction: Instruction,
  earlier: readonly Stage[],
  globals: Globals,
): Stage & { instructions: Instruction[] } {
  const words = splitWords(instruction.text, globals.dockerfile.escape);
  const [image = '', as, alias] = words;
  const hasAlias = words.length === 3 && as?.toLowerCase() === 'as';
  if (words.length !== 1 && !hasAlias) {
    wrong(instruction, globals, 'FROM takes IMAGE or IMAGE AS NAME');
  }
  const name = hasAlias ? alias?.toLowerCase() : undefined;
  if (name !== undefined && !STAGE_NAME.test(name)) {
    wrong(
      instruction,
      globals,
      `${name} is no name for a stage: a letter, then letters, digits, _.-`,
    );
  }
  const base = expand(image, instruction, globals);
  if (base === '') wrong(instruction, globals, `${image} is empty: no build argument sets it`);
  const platform = instruction.flags.find((flag) => flag.name === 'platform')?.value;
  const baseStage = earlier.findLast((stage) => stage.name === base.toLowerCase())?.index;
  return {
    index: earlier.length,
    name,
    from: instruction,
    base,
    baseStage,
    platform: platform === undefined ? undefined : expand(platform, instruction, globals),
    instructions: [],
  };
}

function expand(word: string, instruction: Instruction, globals: Globals): string {
  const { dockerfile, options, values } = globals;
  const lookup = (name: string): string | undefined =>
    values.get(name) ?? own(options.predefined, name);
  try {
    return expandWord(word, { escape: dockerfile.escape, lookup });
  } catch (error) {
    if (!isLongshoreError(error)) throw error;
    wrong(instruction, globals, error.message);
    return word;
  }
}

function wrong(instruction: Instruction, globals: Globals, message: string): void {
  const { file } = globals.dockerfile;
  globals.problems.push({ place: { file, line: instruction.line, column: 1 }, message });
}

/** Not `record[name]`: an argument may be called `constructor`. */
function own(
  record: Readonly<Record<string, string>> | undefined,
  name: string,
): string | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}
