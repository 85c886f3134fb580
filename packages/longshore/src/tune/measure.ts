import type { Measurement } from './experiment.ts';
import type { Trace } from './trace.ts';

/** What is left to say of a run once its work is over. */
export type Judged = Pick<Measurement, 'state' | 'bytes' | 'problem' | 'settledWidth'>;

/**
 * Times one run and judges it: time and processor time from the first request to the last byte being
 * where it belongs; what was made for the run and is removed after it is not in them.
 */
export async function timed<T>(
  work: () => Promise<T>,
  judge: (result: T, seconds: number) => Judged,
  { trace, interrupted }: { readonly trace: Trace; readonly interrupted: () => boolean },
): Promise<Measurement> {
  const startedAt = Date.now();
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const result = await work();
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const facts = { seconds, startedAt, cpuSeconds: (user + system) / 1e6, retries: trace.retries };
  const judged = judge(result, seconds);
  if (interrupted()) return { ...facts, ...judged, state: 'interrupted' };
  if (trace.throttled === undefined) return { ...facts, ...judged };
  const { retryAfterMs } = trace;
  return {
    ...facts,
    ...judged,
    state: 'throttled',
    problem: trace.throttled,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
