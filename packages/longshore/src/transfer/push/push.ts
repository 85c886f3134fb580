import { steadyNow } from '../clock.ts';
import { runOutcome } from '../outcome.ts';
import { createPublishGate } from './publishGate.ts';
import { openPusher, type Pusher } from './pusher.ts';
import type { ImageToPush, PushedImage, PushOptions, PushResult } from './types.ts';

/**
 * Pushes images of the store to registries: every blob that a registry lacks once, tags last. An
 * image that fails takes no other with it, and is told in the result, not thrown.
 *
 * @throws LongshoreError `ERR_BAD_WIDTH`, before anything is sent
 */
export async function push(
  images: readonly ImageToPush[],
  options: PushOptions,
): Promise<PushResult> {
  const now = options.now ?? steadyNow;
  const emit = options.onEvent ?? (() => undefined);
  const startedAt = now();
  const { pushers } = options;
  emit({
    type: 'run.started',
    at: startedAt,
    verb: 'push',
    images: images.length,
    workers: pushers,
  });
  const pusher = openPusher(options);
  let pushed: readonly PushedImage[];
  try {
    pushed = await pushAll(pusher, images, options);
  } finally {
    await pusher.close();
  }
  const counts = count(pushed);
  const outcome = runOutcome(counts, options);
  const at = now();
  const milliseconds = at - startedAt;
  const { sentBytes } = pusher;
  const settled = pusher.settled();
  const ended = { outcome, milliseconds, sentBytes, settled } as const;
  emit({ type: 'run.finished', at, ...ended, images: counts, fetchedBytes: 0 });
  return { ...ended, images: pushed };
}

async function pushAll(
  pusher: Pusher,
  images: readonly ImageToPush[],
  { failFast, publish }: PushOptions,
): Promise<readonly PushedImage[]> {
  const gate = publish === 'all-or-none' ? createPublishGate(images.length) : undefined;
  return Promise.all(
    images.map(async (image) => {
      const pushed = await pusher.push(image, { beforeTag: gate?.wait });
      if (pushed.state === 'failed' || pushed.state === 'cancelled') gate?.fail(pushed.source);
      else gate?.pass();
      if (pushed.state === 'failed' && failFast === true) pusher.stop(pushed.error);
      return pushed;
    }),
  );
}

function count(images: readonly PushedImage[]): {
  total: number;
  done: number;
  failed: number;
  cancelled: number;
} {
  const of = (...states: PushedImage['state'][]): number =>
    images.filter(({ state }) => states.includes(state)).length;
  return {
    total: images.length,
    done: of('pushed', 'unchanged'),
    failed: of('failed'),
    cancelled: of('cancelled'),
  };
}
