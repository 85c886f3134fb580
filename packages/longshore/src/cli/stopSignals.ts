import type { EventEmitter } from 'node:events';
import type { StopSignal } from './host.ts';

/**
 * A terminal closes once and says so twice: its shell hangs up on its jobs, and then the kernel does. And
 * systemd may send a hangup after its SIGTERM. Either way the end is under way.
 */
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
  let isHeard = false;
  const onSignal = (signal: StopSignal): void => {
    isHeard = true;
    listener(signal);
    isHeard = false;
  };
  const signals: readonly StopSignal[] = [
    'SIGINT',
    'SIGTERM',
    ...(hangups ? ['SIGHUP' as const] : []),
  ];
  for (const signal of signals) source.on(signal, onSignal);
  return () => {
    // Nobody listens any more because of a signal: the end is under way.
    if (isHeard) source.on('SIGHUP', IGNORE);
    for (const signal of signals) source.off(signal, onSignal);
  };
}
