import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';

/** Polls until a condition holds; for what somebody else comes to know or to do in its own time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 5000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so within ${deadlineMs} ms`);
    await setTimeout(5);
  }
}
