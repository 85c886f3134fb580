import { formatPlatform } from '../../image/index.ts';
import { isDockerSyntax } from '../dockerfile/directives.ts';
import { findStage, type Stage, type Stages } from '../dockerfile/stages.ts';
import type { Dockerfile, Instruction } from '../dockerfile/types.ts';
import { splitWords } from '../dockerfile/words.ts';
import { formatPlace } from '../problems.ts';
import type { BuildTarget } from '../target.ts';
import { isRemote } from './fileInstructions.ts';

/** What a target asks for that `assemble` cannot do, but for what its Dockerfile asks for. */
export function unsupportedOptions(target: BuildTarget): string[] {
  const found: string[] = [];
  if (target.context.kind === 'url') found.push(`a context to be fetched (${target.context.url})`);
  for (const [name, context] of Object.entries(target.contexts)) {
    if (context.kind === 'url') found.push(`the context ${name}, which has to be fetched`);
  }
  if (target.cacheTo.length > 0) found.push('cache export');
  const attested = target.attestations.filter((entry) => entry['disabled'] !== 'true');
  if (attested.length > 0) found.push(`attestations (${attested.map(typeOf).join(', ')})`);
  for (const platform of target.platforms) {
    if (platform.os !== 'linux') found.push(`platform ${formatPlatform(platform)}`);
  }
  return found;
}

function typeOf(entry: Readonly<Record<string, string>>): string {
  return entry['type'] ?? 'of no type';
}

/** What the stages that lead to `last` ask for and `assemble` cannot do, with file and line. */
export function unsupportedInstructions(
  dockerfile: Dockerfile,
  stages: Stages,
  last: Stage,
): string[] {
  const at = (instruction: Instruction): string =>
    `(${formatPlace({ file: dockerfile.file, line: instruction.line })})`;
  if (!isDockerSyntax(dockerfile.syntax)) return [`# syntax=${dockerfile.syntax}`];
  return neededStages(stages, last).flatMap((stage) =>
    stage.instructions.flatMap((instruction) => {
      if (instruction.keyword === 'RUN') return [`RUN ${at(instruction)}`];
      if (instruction.keyword !== 'ADD') return [];
      const words = instruction.json ?? splitWords(instruction.text, dockerfile.escape);
      return words.slice(0, -1).some(isRemote) ? [`ADD of an address ${at(instruction)}`] : [];
    }),
  );
}

/** In the order of the file. */
export function neededStages({ stages }: Stages, last: Stage): readonly Stage[] {
  const needed = new Set<Stage>();
  const open: (Stage | undefined)[] = [last];
  while (open.length > 0) {
    const stage = open.pop();
    if (stage === undefined || needed.has(stage)) continue;
    needed.add(stage);
    if (stage.baseStage !== undefined) open.push(stages[stage.baseStage]);
    for (const { keyword, flags } of stage.instructions) {
      const from =
        keyword === 'COPY' ? flags.find(({ name }) => name === 'from')?.value : undefined;
      if (from !== undefined) open.push(findStage(stages.slice(0, stage.index), from));
    }
  }
  return stages.filter((stage) => needed.has(stage));
}

/** What has no effect on an image made here, so that it is said and not refused. */
export function withoutEffect(target: BuildTarget): string[] {
  const said: [boolean, string][] = [
    [target.cacheFrom.length > 0, 'cache import is not needed: nothing is run'],
    [target.secrets.length > 0, 'secrets are not needed: nothing is run'],
    [target.ssh.length > 0, 'ssh is not needed: nothing is run'],
  ];
  return said.flatMap(([applies, text]) => (applies ? [text] : []));
}
