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

/**
 * The image in buildah's storage that it could not copy to the registry at `host`. When all steps come
 * from its cache, buildah (1.28) copies without the credentials and settings that it was given, which
 * otherwise it goes by.
 */
export function storedImage(lines: readonly string[], host: string): string | undefined {
  const last = lines.findLast((line) => line.startsWith('Error: '));
  if (last?.includes(host) !== true) return undefined;
  return /^Error: copying image "([0-9a-f]{64})": /.exec(last)?.[1];
}
