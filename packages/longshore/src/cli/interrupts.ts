import { Interrupted } from './exitCodes.ts';
import type { CliHost } from './host.ts';

/** Ctrl-C, SIGTERM and SIGHUP as abort signals. */
export interface Interrupts {
  /** Aborted by the first Ctrl-C: start nothing new. */
  readonly drain: AbortSignal;
  /** Aborted by the second Ctrl-C, by SIGTERM, or when the terminal closes: stop now. */
  readonly stop: AbortSignal;
  readonly dispose: () => void;
}

/**
 * Watches for signals. After the one that stops, the next has its usual effect again, so that a
 * program that hangs can still be ended from the keyboard.
 * @param onDrain called once, at the first Ctrl-C
 */
export function watchInterrupts(host: Pick<CliHost, 'onSignal'>, onDrain: () => void): Interrupts {
  const drain = new AbortController();
  const stop = new AbortController();
  const unsubscribe = host.onSignal((signal) => {
    if (signal === 'SIGINT' && !drain.signal.aborted) {
      drain.abort(new Interrupted());
      onDrain();
      return;
    }
    unsubscribe();
    stop.abort(new Interrupted());
  });
  return { drain: drain.signal, stop: stop.signal, dispose: unsubscribe };
}

/** For work with nothing to drain: the first signal of any kind stops it. */
export async function withInterrupts<T>(
  host: Pick<CliHost, 'onSignal'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const unsubscribe = host.onSignal(() => {
    unsubscribe();
    stop.abort(new Interrupted());
  });
  try {
    return await work(stop.signal);
  } catch (error) {
    // Whatever broke because of it: the person knows why.
    throw stop.signal.aborted ? new Interrupted() : error;
  } finally {
    unsubscribe();
  }
}
