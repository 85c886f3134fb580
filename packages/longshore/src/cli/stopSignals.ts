import type { EventEmitter } from 'node:events';
import type { StopSignal } from './host.ts';

/** A terminal closes once and says so twice: its shell hangs up on its jobs, and then the kernel does. */
const IGNORE = (): void => {};

/**
 * Calls `listener` on each signal that asks for an end, until the returned function is called.
 * @param hangups - false for a process that is to outlive its terminal
 */
export function onStopSignal(
  source: Pick<EventEmitter, 'on' | 'off'>,
  listener: (signal: StopSignal) => void,
  { hangups }: { readonly hangups: boolean },
): () => void {
  const onHangup = (): void => {
    source.on('SIGHUP', IGNORE);
    listener('SIGHUP');
  };
  source.on('SIGINT', listener);
  source.on('SIGTERM', listener);
  if (hangups) source.on('SIGHUP', onHangup);
  return () => {
    source.off('SIGINT', listener);
    source.off('SIGTERM', listener);
    source.off('SIGHUP', onHangup);
  };
}
