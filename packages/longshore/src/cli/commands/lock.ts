import path from 'node:path';
import { createLimiter } from '../../concurrency/index.ts';
import type { LockedImage } from '../../export/index.ts';
import { parseReference } from '../../image/index.ts';
import type { Registry } from '../../registry/index.ts';
import { openRegistry, readConnection } from '../connect.ts';
import { EXIT } from '../exitCodes.ts';
import { withInterrupts } from '../interrupts.ts';
import { readEntries } from '../pull/entries.ts';
import type { Entry } from '../pull/listFile.ts';
import { cleanText } from '../render/text.ts';
import { checkFilePath, writeWhole } from '../wholeFile.ts';
import type { CommandContext } from './context.ts';

/** Requests without bodies; more at once only meet a registry's limits sooner. */
const LOOKUPS_AT_ONCE = 8;

type Outcome = PromiseSettledResult<LockedImage>;

/** `longshore lock REF...` */
export async function runLock(context: CommandContext): Promise<number> {
  const { settings, places, host, print, complain } = context;
  const entries = firstOfEach(await readEntries(context, 'lock'));
  const output =
    settings.output === undefined ? undefined : path.resolve(places.cwd, settings.output);
  if (output !== undefined) await checkFilePath('--output', output);
  const connection = await readConnection(context);
  const outcomes = await withInterrupts(host, async (signal) => {
    const registry = await openRegistry(context, connection);
    try {
      return await resolveAll(entries, { registry, signal });
    } finally {
      await registry.close();
    }
  });
  const failed = describeFailures(entries, outcomes);
  if (failed.length > 0) {
    complain(`${failed.join('\n')}\n`);
    complain(`longshore: nothing was locked: ${failed.length} of ${entries.length} failed\n`);
    return EXIT.failed;
  }
  const { formatLock } = await import('../../export/index.ts');
  const text = formatLock(outcomes.flatMap((o) => (o.status === 'fulfilled' ? [o.value] : [])));
  if (output === undefined) print(text);
  else await writeWhole(output, text);
  return EXIT.ok;
}

function firstOfEach(entries: readonly Entry[]): readonly Entry[] {
  const seen = new Set<string>();
  return entries.filter(({ input }) => {
    const isNew = !seen.has(input);
    seen.add(input);
    return isNew;
  });
}

/** Every image is looked up even when one fails: who mends a list wants all that is wrong with it. */
async function resolveAll(
  entries: readonly Entry[],
  { registry, signal }: { readonly registry: Registry; readonly signal: AbortSignal },
): Promise<readonly Outcome[]> {
  const limiter = createLimiter({ name: 'lock', width: LOOKUPS_AT_ONCE });
  const lookUp = async (reference: string): Promise<LockedImage> => {
    using _permit = await limiter.acquire({ label: reference, signal });
    const descriptor = await registry.resolve(parseReference(reference), { signal });
    return { reference, descriptor };
  };
  const outcomes = await Promise.allSettled(entries.map(({ input }) => lookUp(input)));
  signal.throwIfAborted();
  return outcomes;
}

function describeFailures(entries: readonly Entry[], outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap((outcome, i) => {
    if (outcome.status === 'fulfilled') return [];
    const { input = '', where } = entries[i] ?? {};
    const { reason } = outcome;
    const why = reason instanceof Error ? reason.message : String(reason);
    return [cleanText(`failed ${input}: ${where === undefined ? '' : `${where}: `}${why}`)];
  });
}
