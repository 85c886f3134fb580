import path from 'node:path';
import { openStore, verifyStore } from '../../store/index.ts';
import {
  type PullOptions,
  type PullResult,
  pull,
  type TransferEvent,
} from '../../transfer/index.ts';
import type { CommandContext } from '../commands/context.ts';
import { choosePlatform } from '../pull/platform.ts';
import { formatBytes } from '../render/format.ts';
import { openRenderer } from '../render/open.ts';
import type { DemoPort } from './port.ts';

export interface Stage {
  readonly context: CommandContext;
  readonly port: DemoPort;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** One line of the closing table. */
export interface Act {
  readonly title: string;
  readonly milliseconds: number;
  readonly fetchedBytes: number;
  readonly remark: string;
  /** Whether what the act is to show was so. */
  readonly kept: boolean;
}

/** Where the interrupted pull is cut. */
const INTERRUPT_AT = 0.4;
/** What a cut connection may cost: bytes that were under way and are sent again. */
const RESENT_BYTES: number = 1024 * 1024;

/** Plays the acts in order; each looks for itself whether its promise was kept. */
export async function play(stage: Stage): Promise<Act[]> {
  const serial = await playSerial(stage);
  const wide = await playWide(stage, serial.milliseconds);
  const [cut, resumed] = await playInterrupted(stage);
  return [serial, wide, cut, resumed, await playAgain(stage), await playVerify(stage)];
}

async function playSerial(stage: Stage): Promise<Act> {
  const title = 'One layer after the other (--serial)';
  const result = await pullAll(stage, { title, store: 'serial', serial: true });
  return act(title, result, { remark: '', kept: result.outcome === 'succeeded' });
}

async function playWide(stage: Stage, serialMs: number): Promise<Act> {
  const title = 'As wide as pays (--workers auto)';
  const result = await pullAll(stage, { title, store: 'wide' });
  const faster = serialMs / result.milliseconds;
  const once = stage.port.bytesServed === result.plan?.bytes;
  const saved = formatBytes(result.plan?.sharedBytes ?? 0);
  return act(title, result, {
    remark: `${faster.toFixed(1)}x as fast; shared layers once, ${saved} saved`,
    kept: result.outcome === 'succeeded' && (once || faster > 1),
  });
}

/** On a bad day: the registry breaks connections, and the user interrupts. */
async function playInterrupted(stage: Stage): Promise<[Act, Act]> {
  const stop = new AbortController();
  const first = await pullAll(stage, {
    title: 'Broken connections, 429s, and Ctrl-C in the middle',
    store: 'resumed',
    weather: 'bad',
    stop,
    onEvent: (event) => {
      const cut = event.type === 'progress' && event.doneBytes > INTERRUPT_AT * event.totalBytes;
      if (cut) stop.abort(new Error('the demo interrupts itself'));
    },
  });
  const title = 'The same again: it goes on where it was';
  const second = await pullAll(stage, { title, store: 'resumed', weather: 'bad' });
  const whole = second.plan?.bytes ?? 0;
  const twice = first.fetchedBytes + second.fetchedBytes - whole;
  return [
    act('Interrupted on a bad day', first, {
      remark: 'connections cut, 429s; then Ctrl-C',
      kept: first.outcome === 'cancelled',
    }),
    act('Resumed', second, {
      remark: `${formatBytes(Math.max(0, twice))} fetched twice`,
      kept: second.outcome === 'succeeded' && twice <= 64 * RESENT_BYTES,
    }),
  ];
}

async function playAgain(stage: Stage): Promise<Act> {
  const title = 'Pulled again';
  const result = await pullAll(stage, { title, store: 'resumed' });
  return act(title, result, {
    remark: 'all of it is there',
    kept: result.outcome === 'succeeded' && result.fetchedBytes === 0,
  });
}

async function playVerify({ folder, signal }: Stage): Promise<Act> {
  const store = await openStore(path.join(folder, 'resumed'));
  const startedAt = performance.now();
  try {
    const { blobs, bytes, problems } = await verifyStore(store, { signal });
    return {
      title: 'Verified',
      milliseconds: performance.now() - startedAt,
      fetchedBytes: 0,
      remark: `${blobs} blobs, ${formatBytes(bytes)} hashed anew, ${problems.length} problems`,
      kept: problems.length === 0,
    };
  } finally {
    await store.close();
  }
}

interface Scene {
  readonly title: string;
  /** Name of the store it works on: a new one is cold. */
  readonly store: string;
  readonly serial?: boolean;
  readonly weather?: 'fair' | 'bad';
  readonly stop?: AbortController;
  readonly onEvent?: (event: TransferEvent) => void;
}

async function pullAll(stage: Stage, scene: Scene): Promise<PullResult> {
  const { context, port, folder, signal } = stage;
  const { host, settings, complain } = context;
  complain(`\n${scene.title}\n`);
  port.setWeather(scene.weather ?? 'fair');
  const { renderer } = openRenderer(host, settings.progress, complain);
  const onEvent = (event: TransferEvent): void => {
    renderer.onEvent(event);
    scene.onEvent?.(event);
  };
  const store = await openStore(path.join(folder, scene.store));
  const registry = port.client((event) => onEvent({ ...event, at: host.clock.now() }));
  const stop = scene.stop === undefined ? signal : AbortSignal.any([signal, scene.stop.signal]);
  const options: PullOptions = {
    store,
    registry,
    platform: choosePlatform('linux/amd64', host),
    workers: 'auto',
    serial: scene.serial ?? false,
    onEvent,
    signal: stop,
  };
  try {
    const result = await pull(port.references, options);
    signal.throwIfAborted();
    return result;
  } finally {
    renderer.close();
    await registry.close();
    await store.close();
  }
}

function act(
  title: string,
  { milliseconds, fetchedBytes }: PullResult,
  { remark, kept }: Pick<Act, 'remark' | 'kept'>,
): Act {
  return { title, milliseconds, fetchedBytes, remark, kept };
}
