/** How a run has ended. */
export type RunOutcome = 'succeeded' | 'failed' | 'cancelled';

/**
 * What the ends of its images make of a run. One that somebody has stopped is `cancelled`, though some
 * of its images had failed before; what a failure has stopped is `failed`.
 */
export function runOutcome(
  images: { readonly failed: number; readonly cancelled: number },
  {
    drain,
    signal,
  }: { readonly drain?: AbortSignal | undefined; readonly signal?: AbortSignal | undefined },
): RunOutcome {
  const wasStopped = drain?.aborted === true || signal?.aborted === true;
  if (images.cancelled > 0 && (wasStopped || images.failed === 0)) return 'cancelled';
  return images.failed > 0 ? 'failed' : 'succeeded';
}
