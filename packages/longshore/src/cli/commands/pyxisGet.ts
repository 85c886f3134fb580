import path from 'node:path';
import type { PullResult } from '../../transfer/index.ts';
import { openRegistry, readConnection } from '../connect.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { type Interrupts, watchInterrupts } from '../interrupts.ts';
import { exportOptions } from '../pull/exportOptions.ts';
import { choosePlatform } from '../pull/platform.ts';
import { openSquashfsSink, type SquashfsSink } from '../pyxis/sink.ts';
import { readImageUri } from '../pyxis/uri.ts';
import { openRenderer } from '../render/open.ts';
import type { Renderer } from '../render/renderer.ts';
import { openOrCreateStore } from '../stores.ts';
import type { CommandContext } from './context.ts';

/** `longshore pyxis get IMAGE`: stdout has the path and nothing else, as pyxis reads it. */
export async function runPyxisGet(context: CommandContext): Promise<number> {
  const { args, settings, places, host, print, complain } = context;
  const reference = readImageUri(args[0] ?? '');
  const platform = choosePlatform(settings.platform, host);
  if (platform === 'all') throw usageError('pyxis get: takes one platform', 'Name one');
  const { renderer } = openRenderer(host, settings.progress, complain);
  const interrupts = watchInterrupts(host, () => {
    renderer.notice('warning', 'Interrupted: finishing what moves');
  });
  const sink = openSquashfsSink({
    directory: path.resolve(places.cwd, settings['squashfs-dir'] ?? places.squashfs),
    options: exportOptions(settings, host.env['PATH']),
    platform,
  });
  let result: PullResult;
  try {
    result = await pullOne(context, { reference, platform, sink, renderer, interrupts });
  } finally {
    interrupts.dispose();
    renderer.close();
  }
  if (result.outcome === 'cancelled') return EXIT.interrupted;
  const file = sink.path();
  if (result.outcome === 'failed' || file === undefined) return EXIT.failed;
  print(`${file}\n`);
  return EXIT.ok;
}

interface OneImage {
  readonly reference: string;
  readonly platform: Exclude<ReturnType<typeof choosePlatform>, 'all'>;
  readonly sink: SquashfsSink;
  readonly renderer: Renderer;
  readonly interrupts: Interrupts;
}

async function pullOne(context: CommandContext, image: OneImage): Promise<PullResult> {
  const { reference, platform, sink, interrupts } = image;
  const { onEvent } = image.renderer;
  const connection = await readConnection(context);
  const [store, { pull, openHostMemory }] = await Promise.all([
    openOrCreateStore(context),
    import('../../transfer/index.ts'),
  ]);
  try {
    const registry = await openRegistry(context, connection, {
      onEvent: (event) => onEvent({ ...event, at: context.host.clock.now() }),
    });
    try {
      return await pull([reference], {
        store,
        registry,
        platform,
        workers: context.settings.workers ?? 'auto',
        memory: await openHostMemory(context.places.hostMemory),
        sinks: [sink],
        onEvent,
        drain: interrupts.drain,
        signal: interrupts.stop,
      });
    } finally {
      await registry.close();
    }
  } finally {
    await store.close();
  }
}
