import { LongshoreError } from '../../errors.ts';
import { steadyNow } from '../clock.ts';
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
  const stopped = counts.cancelled > 0 && counts.failed === 0;
  const outcome = stopped ? 'cancelled' : counts.failed > 0 ? 'failed' : 'succeeded';
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
  const gate = publish === 'all-or-none' ? createGate(images.length) : undefined;
  return Promise.all(
    images.map(async (image) => {
      const pushed = await pusher.push(image, { beforeTag: gate?.wait });
      if (pushed.state === 'failed' || pushed.state === 'cancelled') gate?.fail(pushed);
      else gate?.pass();
      if (pushed.state === 'failed' && failFast === true) pusher.stop(pushed.error);
      return pushed;
    }),
  );
}

interface Gate {
  /** Waits until every image is up. @throws LongshoreError `ERR_HELD_BACK` when one has failed */
  readonly wait: () => Promise<void>;
  /** An image is done without having waited. */
  pass(): void;
  fail(image: PushedImage): void;
}

/** Opens when all images have come to it, or been found unchanged. */
function createGate(images: number): Gate {
  const opened = Promise.withResolvers<void>();
  opened.promise.catch(() => undefined);
  const arrived = { count: 0 };
  const arrive = (): void => {
    arrived.count += 1;
    if (arrived.count >= images) opened.resolve();
  };
  return {
    wait: () => {
      arrive();
      return opened.promise;
    },
    pass: arrive,
    fail: ({ source }) =>
      opened.reject(
        new LongshoreError(`Its tag was not moved, because ${source} is not up`, {
          code: 'ERR_HELD_BACK',
          origin: 'input',
          hint: 'Push again: what is there is not sent twice',
        }),
      ),
  };
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
