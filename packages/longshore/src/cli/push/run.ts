import type { Registry, RegistryUploads } from '../../registry/index.ts';
import type { Store } from '../../store/index.ts';
import type { EventListener, PushOptions, PushResult } from '../../transfer/index.ts';
import type { CommandContext } from '../commands/context.ts';
import { openRegistry, readConnection } from '../connect.ts';
import { printDocument } from '../documents.ts';
import { exitCodeOfRun } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { type Interrupts, watchInterrupts } from '../interrupts.ts';
import { readNamed } from '../pull/entries.ts';
import { explainLines } from '../pull/explainLines.ts';
import { openRenderer } from '../render/open.ts';
import { writeReports } from '../reportFile.ts';
import { shellQuote } from '../shellQuote.ts';
import { storePath } from '../storePath.ts';
import { openOrCreateStore } from '../stores.ts';
import { type PushFacts, pushDocument } from './document.ts';
import { type PairEntry, readPair } from './pairs.ts';

/** What a push or a copy works with. */
export interface PushTools {
  readonly store: Store;
  readonly registry: Registry & RegistryUploads;
  readonly onEvent: EventListener;
  readonly interrupts: Interrupts;
  readonly options: Pick<
    PushOptions,
    'pushers' | 'chunkBytes' | 'failFast' | 'publish' | 'memory' | 'startAt'
  >;
}

/** What came of it; a copy tells what it fetched, too. */
export type PushWork = (
  tools: PushTools,
) => Promise<PushResult & { readonly fetchedBytes?: number }>;

/**
 * The images that arguments and `--from` name.
 * @throws LongshoreError `ERR_USAGE` when there are none
 */
export async function readEntries(
  context: CommandContext,
  given: readonly string[],
): Promise<readonly PairEntry[]> {
  const hint = 'Name images and where they go, or give --from FILE';
  const entries = await readNamed(context, given, (what) => usageError(what, hint));
  return entries.map(readPair);
}

/** Everything around a push: what is opened, shown, told and written, and the exit code. */
export async function runWork(
  context: CommandContext,
  { verb, entries }: Pick<PushFacts, 'verb' | 'entries'>,
  work: PushWork,
): Promise<number> {
  const { settings, host, complain, places } = context;
  const connection = await readConnection(context);
  const { renderer } = openRenderer(host, settings.progress, complain);
  const interrupts = watchInterrupts(host, () => {
    renderer.notice('warning', 'Interrupted: finishing what moves; press Ctrl-C again to stop now');
  });
  const onEvent = explainLines(entries, renderer.onEvent);
  let result: Awaited<ReturnType<PushWork>>;
  try {
    await using opened = new AsyncDisposableStack();
    const store = await openOrCreateStore(context);
    opened.defer(() => store.close());
    const registry = await openRegistry(context, connection, {
      onEvent: (event) => onEvent({ ...event, at: host.clock.now() }),
    });
    opened.defer(() => registry.close());
    const { openCeilingMemory, openHostMemory, pushesTo } = await import('../../transfer/index.ts');
    const [memory, hosts] = await Promise.all([
      openCeilingMemory(places.registryMemory),
      openHostMemory(places.hostMemory),
    ]);
    const startAt = (at: string): number | undefined => hosts.recall(pushesTo(at))?.width;
    const options = { ...pushOptions(context), memory, startAt };
    result = await work({ store, registry, onEvent, interrupts, options });
  } finally {
    interrupts.dispose();
    renderer.close();
  }
  const { version } = host;
  const { fetchedBytes } = result;
  const document = pushDocument(result, {
    verb,
    entries,
    store: storePath(context),
    version,
    ...(fetchedBytes === undefined ? {} : { fetchedBytes }),
  });
  if (settings.json === true) await printDocument(context, document);
  else printImages(result, context.print);
  if (result.outcome === 'cancelled') {
    renderer.notice('warning', `To go on: ${shellQuote(['longshore', ...host.argv])}`);
  }
  return writeReports(context, exitCodeOfRun(result.outcome), { document });
}

function pushOptions({ settings }: CommandContext): PushTools['options'] {
  return {
    pushers: settings.pushers ?? 'auto',
    chunkBytes: settings['chunk-size'],
    failFast: settings['fail-fast'] ?? false,
    publish: settings.publish === 'all-or-none' ? 'all-or-none' : 'each',
  };
}

/** One line an image that is there now, in the order of the input. */
function printImages({ images }: PushResult, print: (text: string) => void): void {
  for (const { state, destination, digest } of images) {
    if (state === 'pushed' || state === 'unchanged') print(`${destination} ${digest}\n`);
  }
}
