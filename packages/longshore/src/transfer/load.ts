import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** How busy this process was since the last look; parts are 0 to 1. */
export interface Load {
  /** Processor time of the process over that of all cores. */
  readonly cpuBusy: number;
  /** Time in which the thread that hashes and writes ran, or was ready to and waited for a processor. */
  readonly loopBusy: number;
  /**
   * 1 where that thread mostly stood in writes: it was neither idle, nor running, nor waiting for a
   * processor. Left out where the system does not tell the last of these.
   */
  readonly sinkBusy?: number;
  /** Time in which the limit on bytes per second held bytes back. */
  readonly limitBusy: number;
}

/** Above this part of the time spent standing in writes, the disk is what is waited for. */
const STANDING = 0.4;

/**
 * Looks at the load between calls.
 * @param heldMs how long bytes were held back so far
 */
export function createLoadMeter(heldMs: () => number): () => Load {
  const cores = availableParallelism();
  let at = performance.now();
  let cpu = process.cpuUsage();
  let thread = process.threadCpuUsage();
  let loop = performance.eventLoopUtilization();
  let queued = readRunDelayMs();
  let held = heldMs();
  let last: Load = { cpuBusy: 0, loopBusy: 0, limitBusy: 0 };
  return () => {
    const now = performance.now();
    const micros = (now - at) * 1000;
    // Shorter looks say nothing: the clocks of processor time tick in milliseconds.
    if (micros < 20_000) return last;
    const usage = process.cpuUsage(cpu);
    const own = process.threadCpuUsage(thread);
    const utilization = performance.eventLoopUtilization(loop).utilization;
    const running = (own.user + own.system) / micros;
    const delayed = readRunDelayMs();
    const heldNow = heldMs();
    const waiting =
      queued === undefined || delayed === undefined ? 0 : ((delayed - queued) * 1000) / micros;
    last = {
      cpuBusy: Math.min(1, (usage.user + usage.system) / micros / cores),
      loopBusy: Math.min(1, running + waiting),
      limitBusy: Math.min(1, (heldNow - held) / (now - at)),
      ...(queued === undefined || delayed === undefined
        ? {}
        : sinkBusyOf(utilization - running - waiting)),
    };
    queued = delayed;
    held = heldNow;
    at = now;
    cpu = process.cpuUsage();
    thread = process.threadCpuUsage();
    loop = performance.eventLoopUtilization();
    return last;
  };
}

function sinkBusyOf(standing: number): Pick<Load, 'sinkBusy'> {
  return { sinkBusy: standing > STANDING ? 1 : Math.max(0, standing) };
}

/**
 * Milliseconds that this thread has been ready to run without running, since it started: on a machine
 * that others use too it would pass for waiting on the disk. Linux tells it (`schedstat`, proc(5)).
 */
function readRunDelayMs(): number | undefined {
  try {
    const [, waited] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ');
    return waited === undefined ? undefined : Number(waited) / 1e6;
  } catch {
    return undefined;
  }
}
