import { parseReference } from '../../image/index.ts';
import type { Analysis, TuneResults } from '../../tune/index.ts';
import type { CommandContext } from '../commands/context.ts';

const DAY_MS = 24 * 3600 * 1000;
/** A line keeps its character for weeks; `auto` goes on looking from there anyway. */
const KEPT_MS = 30 * DAY_MS;

/**
 * Writes the answer to the memory of hosts, from which `--workers auto` and `--pushers auto` start. Only
 * an answer that is certain is written.
 */
export async function applyAnswer(
  { places, complain }: Pick<CommandContext, 'places' | 'complain'>,
  { results, analysis }: { readonly results: TuneResults; readonly analysis: Analysis },
): Promise<void> {
  const { recommendation, arms } = analysis;
  const hosts = new Set(results.images.map(({ reference }) => parseReference(reference).registry));
  const median = arms.find(({ arm }) => arm.id === String(recommendation?.workers))?.median;
  const bytes = results.runs.find(({ state }) => state === 'ok')?.bytes;
  if (recommendation?.certain !== true || median === undefined || bytes === undefined) {
    complain('Nothing was applied: there is no certain answer\n');
    return;
  }
  const { openHostMemory, pushesTo } = await import('../../transfer/index.ts');
  const memory = await openHostMemory(places.hostMemory);
  const isPush = results.verb === 'push';
  const knee = { width: recommendation.workers, bytesPerSecond: bytes / median };
  await memory.remember(
    [...hosts].map((host) => [isPush ? pushesTo(host) : host, knee] as const),
    KEPT_MS,
  );
  complain(
    `${isPush ? '--pushers' : '--workers'} auto starts from ${recommendation.workers} for ${[...hosts].join(', ')} (${places.hostMemory})\n`,
  );
}
