import type { Platform } from '../../image/index.ts';
import {
  type EventListener,
  openHostMemory,
  type PullOptions,
  type PullResult,
  pull,
  type TransferEvent,
} from '../../transfer/index.ts';
import { type Connection, openRegistry, readConnection } from '../connect.ts';
import { choosePrint, printDocument } from '../documents.ts';
import { exitCodeOfRun } from '../exitCodes.ts';
import { type Interrupts, watchInterrupts } from '../interrupts.ts';
import { pullDocument } from '../pull/document.ts';
import { readEntries } from '../pull/entries.ts';
import { explainLines } from '../pull/explainLines.ts';
import { type Forecast, forecastLine, shortage } from '../pull/forecast.ts';
import type { Entry } from '../pull/listFile.ts';
import { type Note, summariseNotes } from '../pull/notes.ts';
import { Outlook, type OutlookOptions } from '../pull/outlook.ts';
import { choosePlatform } from '../pull/platform.ts';
import { openRate } from '../pull/rate.ts';
import type { OpenedSink, SinkRequest } from '../pull/sinks.ts';
import { chooseWidth } from '../pull/width.ts';
import { planLine } from '../render/lasting.ts';
import { openRenderer } from '../render/open.ts';
import type { Renderer } from '../render/renderer.ts';
import { prepareReports, writeReports } from '../reportFile.ts';
import type { Settings } from '../settings/resolve.ts';
import { shellQuote } from '../shellQuote.ts';
import { storePath } from '../storePath.ts';
import { openOrCreateStore } from '../stores.ts';
import type { CommandContext } from './context.ts';

/** What is checked and known before anything is touched. */
interface PullRequest {
  readonly entries: readonly Entry[];
  readonly platform: Platform | 'all';
  readonly width: { readonly workers: number | 'auto'; readonly serial: boolean };
  readonly sinks: readonly OpenedSink[];
  /** What outputs could not carry over; filled while the run goes. */
  readonly notes: readonly Note[];
  readonly connection: Connection;
}

/** `longshore pull [REF...]` */
export async function runPull(context: CommandContext): Promise<number> {
  const request = await readRequest(context);
  const { settings, host, complain } = context;
  const { renderer, mode } = openRenderer(host, settings.progress, complain);
  const interrupts = watchInterrupts(host, () => {
    renderer.notice('warning', 'Interrupted: finishing what moves; press Ctrl-C again to stop now');
  });
  const showDryRun = settings['dry-run'] === true && mode !== 'json';
  const onEvent = showDryRun ? dryRunListener(renderer) : renderer.onEvent;
  const outlook = new Outlook({
    places: { store: storePath(context), sinks: request.sinks, searchPath: host.env['PATH'] },
    when: outlookTime(request, settings),
    onRead: (read) => {
      if (mode !== 'json') showForecasts(read, renderer, settings['dry-run'] === true);
    },
  });
  let result: PullResult;
  let forecasts: readonly Forecast[] = [];
  try {
    result = await pullAll(context, request, {
      interrupts,
      onEvent: explainLines(request.entries, onEvent),
      onPlan: (images, plan) => outlook.begin(images, plan),
    });
    if (result.outcome !== 'cancelled') forecasts = await outlook.end();
  } finally {
    outlook.close();
    interrupts.dispose();
    renderer.close();
  }
  const document = pullDocument(result, {
    entries: request.entries,
    forecasts,
    store: storePath(context),
    version: host.version,
  });
  if (settings.json === true) await printDocument(context, document);
  else printImages(result, await choosePrint(context));
  for (const note of summariseNotes(request.notes)) renderer.notice('warning', note);
  if (result.outcome === 'cancelled') {
    renderer.notice('warning', `To go on: ${shellQuote(['longshore', ...host.argv])}`);
  }
  return writeReports(context, exitCodeOfRun(result.outcome), { document });
}

/** What a file server says of quotas only warns: no pull into the store alone waits for it. */
function outlookTime({ sinks }: PullRequest, settings: Settings): OutlookOptions['when'] {
  if (settings['dry-run'] === true || sinks.length > 0) return 'before';
  return settings.json === true || settings.report !== undefined ? 'beside' : 'late';
}

async function readRequest(context: CommandContext): Promise<PullRequest> {
  const { settings, sources, places, host } = context;
  const { platform } = settings;
  await prepareReports(context);
  const width = chooseWidth(settings, sources);
  const entries = await readEntries(context, 'pull');
  const chosen = choosePlatform(platform, host);
  const notes: Note[] = [];
  return {
    entries,
    notes,
    platform: chosen,
    width,
    sinks: await openOutputs({
      settings,
      cwd: places.cwd,
      inputs: entries.map(({ input }) => input),
      platform: chosen,
      searchPath: host.env['PATH'],
      apptainerCache: places.apptainerCache,
      onNote: (note) => notes.push(note),
    }),
    connection: await readConnection(context),
  };
}

/** What only outputs need is loaded for them alone. */
async function openOutputs(request: SinkRequest): Promise<readonly OpenedSink[]> {
  const { to, 'warm-apptainer': warm } = request.settings;
  if (to === undefined && warm !== true) return [];
  const { openSinks } = await import('../pull/sinks.ts');
  return openSinks(request);
}

interface PullHooks extends Required<Pick<PullOptions, 'onEvent' | 'onPlan'>> {
  readonly interrupts: Interrupts;
}

async function pullAll(
  context: CommandContext,
  request: PullRequest,
  { interrupts, onEvent, onPlan }: PullHooks,
): Promise<PullResult> {
  const { settings, host } = context;
  const { 'limit-rate': rate, 'max-connections': maxConnections } = settings;
  const { places } = context;
  using limited = rate === undefined ? undefined : await openRate(rate, places.cwd);
  await using cleanup = new AsyncDisposableStack();
  // While the disk makes a store, the rest is loaded.
  const opening = openOrCreateStore(context);
  cleanup.defer(async () => (await opening.catch(() => undefined))?.close());
  const registry = await openRegistry(context, request.connection, {
    onEvent: (event) => onEvent({ ...event, at: host.clock.now() }),
  });
  cleanup.defer(() => registry.close());
  return await pull(
    request.entries.map(({ input }) => input),
    {
      store: await opening,
      registry,
      platform: request.platform,
      ...request.width,
      ...(maxConnections === undefined ? {} : { maxConnections }),
      memory: await openHostMemory(places.hostMemory),
      rateLimit: limited?.limit,
      failFast: settings['fail-fast'] ?? false,
      dryRun: settings['dry-run'] ?? false,
      sinks: request.sinks.map(({ sink }) => sink),
      onPlan,
      onEvent,
      drain: interrupts.drain,
      signal: interrupts.stop,
    },
  );
}

/** Of the store only what is special, or was asked for: that it takes what is fetched is no news. */
function showForecasts(forecasts: readonly Forecast[], renderer: Renderer, all: boolean): void {
  for (const forecast of forecasts) {
    const { name, bytes, space } = forecast;
    const hasQuota = space?.quota.bytes !== undefined || space?.quota.inodes !== undefined;
    if (all || name !== 'the store' || (hasQuota && bytes > 0)) {
      renderer.notice('info', forecastLine(forecast));
    }
    const short = shortage(forecast);
    if (short !== undefined) renderer.notice('warning', short);
  }
}

/** A dry run ends with its plan, not with a tally of what was moved. */
function dryRunListener(renderer: Renderer): EventListener {
  return (event: TransferEvent) => {
    if (event.type !== 'run.finished') return renderer.onEvent(event);
    renderer.close();
    const plan = event.plan === undefined ? '' : `: ${planLine(event.plan)}`;
    renderer.notice('info', `Nothing was fetched, as --dry-run asks${plan}`);
  };
}

/** One line an image, in the order of the input; what has failed is told on stderr. */
function printImages(result: PullResult, print: (text: string) => void): void {
  for (const { input, digest, state } of result.images) {
    const told = state === 'done' || state === 'planned';
    if (told && digest !== undefined)
      print(`${input} ${digest}
`);
  }
}
