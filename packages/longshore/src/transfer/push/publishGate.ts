import { LongshoreError } from '../../errors.ts';

/** Holds tags back until every image is up: what `--publish all-or-none` is made of. */
export interface PublishGate {
  /** Waits until every image is up. @throws LongshoreError `ERR_HELD_BACK` when one has failed */
  readonly wait: () => Promise<void>;
  /** An image is done without having waited. */
  pass(): void;
  /** @param image what will not be up, for the message */
  fail(image: string): void;
}

/** Opens when all `images` have come to it, or been found unchanged. */
export function createPublishGate(images: number): PublishGate {
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
    fail: (image) =>
      opened.reject(
        new LongshoreError(`Its tag was not moved, because ${image} is not up`, {
          code: 'ERR_HELD_BACK',
          origin: 'input',
          hint: 'Push again: what is there is not sent twice',
        }),
      ),
  };
}
