import type { BuildStep } from '../../builder.ts';

/** Reads `STEP 2/5: RUN make`, and `[1/2] STEP 2/5: RUN make` where there are several stages. */
export function parseStep(line: string): BuildStep | undefined {
  const match = /^(?:\[[\d/]+\] )?STEP (\d+)(?:\/(\d+))?: (.+)$/.exec(line);
  if (match?.[1] === undefined || match[3] === undefined) return undefined;
  return {
    name: match[3],
    number: Number(match[1]),
    total: match[2] === undefined ? undefined : Number(match[2]),
  };
}

/** What buildah says last of why it gave up, without its repetition of the step. */
export function reasonOf(lines: readonly string[]): string | undefined {
  const last = lines.findLast((line) => /^Error: /i.test(line));
  return last?.replace(/^Error: /i, '').replace(/^building at STEP "(?:[^"\\]|\\.)*": /, '');
}
