/** One body under watch. */
export interface Watch {
  /** Bytes have come. Costs one assignment, so it may be called for every chunk. */
  touch(): void;
  /** We do not read now, so silence is not the sender's fault. */
  pause(): void;
  /** We read again; the silence is counted from here. */
  resume(): void;
  /** No more watching. Idempotent. */
  stop(): void;
}

/** Watches many bodies with one timer. */
export interface Watchdog {
  /** Starts paused. `onStall` is called once, after `timeoutMs` of silence while not paused. */
  watch(onStall: () => void): Watch;
}

/** A stall is noticed at most an eighth of the timeout late. */
const TICKS_PER_TIMEOUT = 8;

/**
 * Silence is counted in ticks that have happened, not in time that has passed: after this process
 * itself was busy or asleep, what waits in the sockets is read before the next tick can come.
 */
export function createWatchdog(timeoutMs: number): Watchdog {
  const watches = new Set<{ seen: number; paused: boolean; onStall: () => void }>();
  let tick = 0;
  let timer: NodeJS.Timeout | undefined;

  function onTick(): void {
    tick += 1;
    for (const watch of watches) {
      if (watch.paused || tick - watch.seen <= TICKS_PER_TIMEOUT) continue;
      watches.delete(watch);
      watch.onStall();
    }
    if (watches.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  }

  return {
    watch(onStall) {
      const watch = { seen: tick, paused: true, onStall };
      watches.add(watch);
      timer ??= setInterval(onTick, timeoutMs / TICKS_PER_TIMEOUT).unref();
      return {
        touch() {
          watch.seen = tick;
        },
        pause() {
          watch.paused = true;
        },
        resume() {
          watch.paused = false;
          watch.seen = tick;
        },
        stop() {
          watches.delete(watch);
        },
      };
    },
  };
}
