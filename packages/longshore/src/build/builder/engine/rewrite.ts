import { parseDockerfile } from '../../dockerfile/parse.ts';
import { readStages } from '../../dockerfile/stages.ts';
import type { Instruction } from '../../dockerfile/types.ts';
import { splitWords } from '../../dockerfile/words.ts';

/**
 * Puts other names for images into a Dockerfile: the classic builder knows no named contexts, and
 * tags in somebody's engine are theirs. Line numbers stay.
 * @param images by what `FROM` and `COPY --from` call them
 * @throws BuildInputError `ERR_DOCKERFILE_INVALID`
 */
export function renameImages(
  text: string,
  images: ReadonlyMap<string, string>,
  args: Readonly<Record<string, string>>,
): string {
  if (images.size === 0) return text;
  const dockerfile = parseDockerfile(text, 'Dockerfile');
  const lines = text.split('\n');
  for (const stage of readStages(dockerfile, { args }).stages) {
    const image = stage.baseStage === undefined ? images.get(stage.base) : undefined;
    const [written] = splitWords(stage.from.text, dockerfile.escape);
    if (image !== undefined && written !== undefined) replaceIn(lines, stage.from, written, image);
    for (const instruction of stage.instructions) {
      const from = instruction.flags.find(({ name }) => name === 'from')?.value;
      const source = from === undefined ? undefined : images.get(from);
      if (from !== undefined && source !== undefined) replaceIn(lines, instruction, from, source);
    }
  }
  return lines.join('\n');
}

function replaceIn(
  lines: string[],
  { line, endLine }: Instruction,
  word: string,
  image: string,
): void {
  for (let at = line - 1; at < endLine; at++) {
    const found = lines[at]?.indexOf(word) ?? -1;
    if (found < 0) continue;
    lines[at] = lines[at]?.replace(word, () => image) ?? '';
    return;
  }
}
