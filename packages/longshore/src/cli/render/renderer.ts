import type { TransferEvent } from '../../transfer/index.ts';

export type NoticeLevel = 'info' | 'warning' | 'error';

/** A subscriber that shows a run to a person or to a program, on stderr. */
export interface Renderer<E = TransferEvent> {
  readonly onEvent: (event: E) => void;
  /** A line from the program itself, in the form that this renderer writes. */
  notice(level: NoticeLevel, text: string): void;
  /** Takes the live part away, writes what is still held back, frees timers. Idempotent. */
  close(): void;
}

/** The clock and timer of a renderer, so that tests can drive it. */
export interface Clock {
  now(): number;
  /** Calls `tick` every `ms` until the returned function is called; keeps no process alive. */
  every(ms: number, tick: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};
