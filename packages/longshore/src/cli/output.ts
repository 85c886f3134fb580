import { errnoOf, LongshoreError } from '../errors.ts';
import type { OutputStream } from './host.ts';

/** Writing to a stream whose reader may be gone. */
export interface Output {
  readonly write: (text: string) => void;
  /** Settles once everything is handed to the system, or cannot be. */
  readonly flush: () => Promise<void>;
  /** The error that broke the stream, a reader or terminal that went away left out. */
  readonly problem: () => LongshoreError | undefined;
  readonly dispose: () => void;
}

/**
 * Wraps a standard stream: `longshore cache ls | head -1` ends quietly, and a pull whose reader
 * went away still pulls; a full disk behind `> file` is told at the end.
 */
export function openOutput(stream: OutputStream, name: string): Output {
  let broken = false;
  let problem: LongshoreError | undefined;
  const onError = (cause: unknown): void => {
    broken = true;
    if (errnoOf(cause) === 'EPIPE' || errnoOf(cause) === 'ERR_STREAM_DESTROYED') return;
    // Of a terminal that was closed; of a file it is a disk that fails.
    if (errnoOf(cause) === 'EIO' && stream.isTTY === true) return;
    problem ??= new LongshoreError(`Cannot write to ${name}: ${errnoOf(cause) ?? String(cause)}`, {
      code: 'ERR_OUTPUT',
      origin: 'disk',
      cause,
    });
  };
  stream.on('error', onError);
  return {
    write: (text) => {
      if (!broken && !stream.destroyed) stream.write(text);
    },
    flush: async () => {
      if (broken || stream.destroyed || stream.writableLength === 0) return;
      // A write's callback comes after all earlier writes, and also when the stream breaks.
      await new Promise<void>((resolve) => void stream.write('', () => resolve()));
    },
    problem: () => problem,
    dispose: () => {
      // An EPIPE may still be on its way after the last write; unheard, it would end the process.
      if (!broken) stream.once('error', () => {});
      stream.off('error', onError);
    },
  };
}
