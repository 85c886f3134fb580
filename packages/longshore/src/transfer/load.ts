import { availableParallelism } from 'node:os';

/** How busy this process was since the last look; parts are 0 to 1. */
export interface Load {
  /** Processor time of the process over that of all cores. */
  readonly cpuBusy: number;
  /** Processor time of the thread that hashes and writes. */
  readonly loopBusy: number;
  /** Time in which that thread ran nothing and yet was not idle: it stood in a write. */
  readonly sinkBusy: number;
}

/** Above this part of the time spent standing in writes, the disk is what is waited for. */
const STANDING = 0.4;

/** Looks at the load between calls. */
export function createLoadMeter(): () => Load {
  const cores = availableParallelism();
  let at = performance.now();
  let cpu = process.cpuUsage();
  let thread = process.threadCpuUsage();
  let loop = performance.eventLoopUtilization();
  let last: Load = { cpuBusy: 0, loopBusy: 0, sinkBusy: 0 };
  return () => {
    const now = performance.now();
    const micros = (now - at) * 1000;
    // Shorter looks say nothing: the clocks of processor time tick in milliseconds.
    if (micros < 20_000) return last;
    const usage = process.cpuUsage(cpu);
    const own = process.threadCpuUsage(thread);
    const utilization = performance.eventLoopUtilization(loop).utilization;
    const loopBusy = Math.min(1, (own.user + own.system) / micros);
    const standing = Math.max(0, utilization - loopBusy);
    last = {
      cpuBusy: Math.min(1, (usage.user + usage.system) / micros / cores),
      loopBusy,
      sinkBusy: standing > STANDING ? 1 : standing,
    };
    at = now;
    cpu = process.cpuUsage();
    thread = process.threadCpuUsage();
    loop = performance.eventLoopUtilization();
    return last;
  };
}
