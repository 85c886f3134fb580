import { isLongshoreError, LongshoreError } from '../errors.ts';

/** A queue that is closed and has nothing more to give; also a put that came too late. */
export function queueClosed(name: string): LongshoreError {
  return new LongshoreError(`${name} is closed`, {
    code: 'ERR_QUEUE_CLOSED',
    hint: 'Put before close(); getting ends when what was put has been taken',
  });
}

/** What `abort()` without a reason says. */
export function queueAborted(name: string): LongshoreError {
  return new LongshoreError(`${name} was aborted`, { code: 'ERR_QUEUE_ABORTED' });
}

/** Repeats `next` until the queue is closed: the orderly end of a loop, not an error. */
export async function* iterateQueue<T>(next: () => Promise<T>): AsyncGenerator<T, void, undefined> {
  for (;;) {
    let item: T;
    try {
      item = await next();
    } catch (error) {
      if (isLongshoreError(error) && error.code === 'ERR_QUEUE_CLOSED') return;
      throw error;
    }
    yield item;
  }
}
