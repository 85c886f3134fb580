import { readFile } from 'node:fs/promises';
import { isLongshoreError } from '../../errors.ts';
import { parseDockerfile, parseOnbuild } from '../dockerfile/parse.ts';
import type { Dockerfile, Instruction } from '../dockerfile/types.ts';
import type { BuildTarget } from '../target.ts';

/** What a Dockerfile uses that not every builder can do. */
export interface DockerfileFacts {
  readonly text: string;
  readonly runs: boolean;
  readonly heredocs: boolean;
  /** `bind`, `cache`, `secret`, `ssh`, `tmpfs`: the types of `RUN --mount`. */
  readonly mounts: ReadonlySet<string>;
  /** `COPY --link`, `ADD --checksum`, ...: keyword and flag. */
  readonly flags: ReadonlySet<string>;
  readonly syntax: string | undefined;
}

const NOTHING: DockerfileFacts = {
  text: '',
  runs: false,
  heredocs: false,
  mounts: new Set(),
  flags: new Set(),
  syntax: undefined,
};

/** Looks into a target's Dockerfile. One that cannot be read says nothing: building it will tell. */
export async function readDockerfileFacts(target: BuildTarget): Promise<DockerfileFacts> {
  const { dockerfile } = target;
  if (dockerfile.kind === 'inline') return factsOf(dockerfile.text);
  try {
    return factsOf(await readFile(dockerfile.path, 'utf8'));
  } catch {
    return NOTHING;
  }
}

function factsOf(text: string): DockerfileFacts {
  try {
    const dockerfile = parseDockerfile(text, 'Dockerfile');
    const all = dockerfile.instructions.flatMap((one) => withInner(one, dockerfile));
    const runs = all.filter(({ keyword }) => keyword === 'RUN');
    const mounts = runs.flatMap(({ flags }) => flags).filter(({ name }) => name === 'mount');
    return {
      text,
      runs: runs.length > 0,
      heredocs: all.some(({ heredocs }) => heredocs.length > 0),
      mounts: new Set(mounts.map(({ value = '' }) => mountType(value))),
      flags: new Set(
        all.flatMap(({ keyword, flags }) => flags.map((f) => `${keyword} --${f.name}`)),
      ),
      syntax: dockerfile.syntax,
    };
  } catch (error) {
    if (isLongshoreError(error)) return { ...NOTHING, text };
    throw error;
  }
}

function withInner(instruction: Instruction, dockerfile: Dockerfile): readonly Instruction[] {
  if (instruction.keyword !== 'ONBUILD') return [instruction];
  return [instruction, parseOnbuild(instruction, dockerfile)];
}

function mountType(value: string): string {
  return /(?:^|,)type=([a-z]+)/.exec(value)?.[1] ?? 'bind';
}
