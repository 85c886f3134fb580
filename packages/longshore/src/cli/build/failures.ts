import { open } from 'node:fs/promises';
import type { RunResult, TargetReport } from '../../run/index.ts';

/** More failures than this have their logs named, not shown. */
const SHOWN = 5;
const LAST_LINES = 20;
const TAIL_BYTES = 16_384;

/**
 * What has failed, for people: each with its cause and its log, the first ones with the end of what
 * the build printed.
 */
export async function explainFailures({ targets }: RunResult): Promise<readonly string[]> {
  const failed = targets.filter(({ state }) => state === 'failed-build' || state === 'failed-push');
  const skipped = targets.filter(({ state }) => state === 'skipped');
  const lines: string[] = [];
  for (const [i, report] of failed.entries()) {
    lines.push(...(i < SHOWN ? await explain(report) : [`${report.target}: log ${report.log}`]));
  }
  const reasons = Map.groupBy(skipped, ({ because }) => because ?? '');
  for (const [because, those] of reasons) {
    const names = those.map(({ target }) => target).join(', ');
    lines.push(`skipped, as ${because} failed: ${names}`);
  }
  return lines;
}

async function explain({ state, target, log, error }: TargetReport): Promise<readonly string[]> {
  const cause = error?.message.split('\n', 1)[0] ?? 'no reason is known';
  const what = state === 'failed-build' ? 'build' : 'push';
  const title = `${what} of ${target}: ${cause}`;
  if (state === 'failed-push') return [title];
  const tail = await lastLines(log);
  return [title, ...tail.map((line) => `  | ${line}`), `  whole log: ${log}`];
}

/** The end of a log, without the program's own lines. */
async function lastLines(path: string): Promise<readonly string[]> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    const lines = buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n');
    const whole = start > 0 ? lines.slice(1) : lines;
    return whole.filter((line) => !line.startsWith('# ')).slice(-LAST_LINES);
  } catch {
    return [];
  }
}
