import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { errnoOf } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { cleanText } from '../render/text.ts';
import { readNamedRun } from '../runs/find.ts';
import type { CommandContext } from './context.ts';

/** `longshore runs logs RUN IMAGE`: what the build of an image printed. */
export async function runRunsLogs(context: CommandContext): Promise<number> {
  const { args, print } = context;
  const run = await readNamedRun(context);
  const [, image] = args;
  const names = Array.from(run.ledger.keys());
  const target = names.length === 1 && image === undefined ? names[0] : image;
  if (target === undefined || !run.ledger.has(target)) {
    throw usageError(
      target === undefined
        ? `which image of ${run.plan.id}?`
        : `${run.plan.id} has no image ${target}${didYouMean(target, names)}`,
      `longshore runs show ${run.plan.id} lists them`,
    );
  }
  const path = run.folder.logFile(target);
  try {
    const lines = createInterface({
      input: createReadStream(path),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    for await (const line of lines) print(`${cleanText(line)}\n`);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw usageError(`${target} has no log: its build never began`, undefined, cause);
  }
  return EXIT.ok;
}
