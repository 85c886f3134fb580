import path from 'node:path';
import type { Builder } from '../../build/index.ts';
import type { Registry, RegistryUploads } from '../../registry/index.ts';
import type { RunEvent, RunResult, StoredRun, TargetReport } from '../../run/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../commands/context.ts';
import { type Connection, openRegistry } from '../connect.ts';
import { printDocument } from '../documents.ts';
import { EXIT, exitCodeOfRun } from '../exitCodes.ts';
import { type Interrupts, watchInterrupts } from '../interrupts.ts';
import { BULK_RENDERERS } from '../render/bulk/renderers.ts';
import { openRendererOf } from '../render/open.ts';
import type { Renderer } from '../render/renderer.ts';
import { writeReports } from '../reportFile.ts';
import { shellQuote } from '../shellQuote.ts';
import { storePath } from '../storePath.ts';
import { openOrCreateStore } from '../stores.ts';
import { writeWhole } from '../wholeFile.ts';
import { buildDocument } from './document.ts';
import { explainFailures } from './failures.ts';
import { junitXml } from './junit.ts';
import { appendStepSummary } from './stepSummary.ts';

/** What a run is carried out with. */
export interface Yard {
  readonly store: Store;
  readonly registry: Registry & RegistryUploads;
  readonly renderer: Renderer<RunEvent>;
  readonly interrupts: Interrupts;
}

/** What to carry out, once everything is open. */
export type Prepare = (
  yard: Yard,
) => Promise<{ readonly run: StoredRun; readonly builder: Builder } | undefined>;

/**
 * Everything around a run of builds: what is opened, shown, told and written, and the exit code.
 * @param prepare gives the run and its builder, or nothing when there is nothing to carry out
 */
export async function carryOut(
  context: CommandContext,
  connection: Connection,
  prepare: Prepare,
): Promise<number> {
  const { settings, host, complain } = context;
  const { renderer } = openRendererOf(BULK_RENDERERS, host, {
    wanted: settings.progress,
    write: complain,
  });
  const interrupts = watchInterrupts(host, () =>
    renderer.notice(
      'warning',
      'Interrupted: builds are stopped, uploads that move are finished; press Ctrl-C again to stop now',
    ),
  );
  let done: { readonly run: StoredRun; readonly result: RunResult } | undefined;
  try {
    await using opened = new AsyncDisposableStack();
    const store = await openOrCreateStore(context);
    opened.defer(() => store.close());
    const registry = await openRegistry(context, connection, {
      onEvent: (event) => renderer.onEvent({ ...event, at: host.clock.now() }),
    });
    opened.defer(() => registry.close());
    const yard = { store, registry, renderer, interrupts };
    const prepared = await prepare(yard);
    if (prepared === undefined) return EXIT.ok;
    opened.use(prepared.builder);
    const result = await work(context, yard, prepared);
    done = { run: prepared.run, result };
  } finally {
    interrupts.dispose();
    renderer.close();
  }
  return tellEnd(context, renderer, done);
}

async function work(
  { settings, places, host }: CommandContext,
  { store, registry, renderer, interrupts }: Yard,
  { run, builder }: { readonly run: StoredRun; readonly builder: Builder },
): Promise<RunResult> {
  host.expectImages(run.plan.graph.targets.length);
  const [{ runBulk }, { openCeilingMemory }, { availableParallelism }] = await Promise.all([
    import('../../run/index.ts'),
    import('../../transfer/index.ts'),
    import('node:os'),
  ]);
  const push = {
    registry,
    pushers: settings.pushers ?? 'auto',
    chunkBytes: settings['chunk-size'],
    memory: await openCeilingMemory(places.registryMemory),
  };
  return runBulk(run, {
    store,
    builder,
    builders: settings.builders ?? usualWidth(builder, availableParallelism()),
    ...(run.plan.push ? { push } : {}),
    highWaterBytes: settings['max-unpushed'],
    failFast: settings['fail-fast'],
    onEvent: renderer.onEvent,
    drain: interrupts.drain,
    signal: interrupts.stop,
  });
}

/**
 * Builders that run commands wait much: for mounts, for containers that start, for locks. With two for
 * each processor a hundred small images took 0.93 of the time with a Docker Engine (two pairs) and 0.89
 * with buildah (one), on two processors.
 */
function usualWidth({ name }: Builder, processors: number): number {
  return name === 'assemble' ? processors : 2 * processors;
}

async function tellEnd(
  context: CommandContext,
  renderer: Renderer<never>,
  { run, result }: { readonly run: StoredRun; readonly result: RunResult },
): Promise<number> {
  const { settings, host } = context;
  const store = storePath(context);
  const document = buildDocument(run, result, { store, version: host.version });
  if (settings.json === true) await printDocument(context, document);
  else for (const line of result.targets.flatMap(resultLines)) context.print(`${line}\n`);
  for (const line of await explainFailures(result)) renderer.notice('error', line);
  if (result.outcome !== 'succeeded') {
    const again = ['longshore', 'runs', 'resume', result.run];
    if (settings.store !== undefined) again.push('--store', store);
    const what = result.outcome === 'cancelled' ? 'To go on' : 'To try what is left again';
    renderer.notice('warning', `${what}: ${shellQuote(again)}`);
  }
  const more = moreReports(context, result);
  return writeReports(context, exitCodeOfRun(result.outcome), { document, more });
}

/** Beside the report. */
function moreReports(
  { settings, places, host }: CommandContext,
  result: RunResult,
): (() => Promise<void>)[] {
  const { junit } = settings;
  const summary = host.env['GITHUB_STEP_SUMMARY'];
  const writes: (() => Promise<void>)[] = [];
  if (junit !== undefined) {
    writes.push(() => writeWhole(path.resolve(places.cwd, junit), junitXml(result)));
  }
  if (summary !== undefined && summary !== '') {
    writes.push(() => appendStepSummary(summary, result));
  }
  return writes;
}

/** One line for each name that is up, or for what was only built: `NAME DIGEST`. */
function resultLines({ state, target, tags, image }: TargetReport): string[] {
  if (state === 'built' && image !== undefined) return [`${target} ${image.digest}`];
  return tags
    .filter((tag) => tag.state === 'pushed' || tag.state === 'unchanged')
    .map(({ destination, digest }) => `${destination} ${digest ?? image?.digest ?? ''}`);
}
