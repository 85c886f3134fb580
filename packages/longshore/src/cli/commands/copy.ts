import type { PulledImage, PushedImage, PushResult } from '../../transfer/index.ts';
import { choosePlatform } from '../pull/platform.ts';
import { requireDestinations } from '../push/pairs.ts';
import { type PushTools, readEntries, runWork } from '../push/run.ts';
import { prepareReports } from '../reportFile.ts';
import type { CommandContext } from './context.ts';

type Pair = ReturnType<typeof requireDestinations>[number];

/**
 * `longshore copy SRC DEST`: a pull into the store, then a push from it. Everything is verified in
 * between, shared blobs move once, and what was interrupted goes on where it was.
 */
export async function runCopy(context: CommandContext): Promise<number> {
  const { args } = context;
  await prepareReports(context);
  const given = args.length === 0 ? [] : [args.join(' ')];
  const entries = requireDestinations(await readEntries(context, given));
  return runWork(context, { verb: 'copy', entries }, (tools) => copy(context, entries, tools));
}

async function copy(
  { settings, host }: CommandContext,
  entries: readonly Pair[],
  tools: PushTools,
): Promise<PushResult & { readonly fetchedBytes: number }> {
  const { store, registry, onEvent, interrupts, options } = tools;
  const { pull, push } = await import('../../transfer/index.ts');
  const shared = {
    store,
    registry,
    onEvent,
    drain: interrupts.drain,
    signal: interrupts.stop,
    failFast: options.failFast ?? false,
  };
  const pulled = await pull(
    entries.map(({ source }) => source),
    {
      ...shared,
      // A copy is of all that the name stands for, unless one part is asked for.
      platform: choosePlatform(settings.platform ?? 'all', host),
      workers: settings.workers ?? 'auto',
    },
  );
  const failed = pulled.images.some(({ state }) => state !== 'done');
  const held = failed && (options.publish === 'all-or-none' || options.failFast === true);
  const ready = entries
    .map((entry, i) => ({ ...entry, descriptor: pulled.found[i] }))
    .filter((_, i) => !held && pulled.images[i]?.state === 'done');
  const pushed = ready.length === 0 ? NOTHING : await push(ready, { ...shared, ...options });
  const { fetchedBytes } = pulled;
  const left = [...pushed.images];
  const images = pulled.images.map((image, i): PushedImage => {
    const next = image.state === 'done' && !held ? left.shift() : undefined;
    return next ?? notPushed(image, entries[i]?.destination);
  });
  const cancelled = [pulled.outcome, pushed.outcome].includes('cancelled');
  const outcome = cancelled ? 'cancelled' : failed ? 'failed' : pushed.outcome;
  const milliseconds = pulled.milliseconds + pushed.milliseconds;
  return { ...pushed, outcome, milliseconds, images, fetchedBytes };
}

/** What a push of no image comes to. */
const NOTHING: PushResult = {
  outcome: 'succeeded',
  images: [],
  sentBytes: 0,
  milliseconds: 0,
  settled: [],
};

/** An image that never came to be pushed. */
function notPushed(
  { input, error, milliseconds, state }: PulledImage,
  destination: string | undefined,
): PushedImage {
  return {
    source: input,
    state: state === 'failed' ? 'failed' : 'cancelled',
    ...(destination === undefined ? {} : { destination }),
    ...(error === undefined ? {} : { error }),
    milliseconds,
  };
}
