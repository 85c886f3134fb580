import { LongshoreError } from '../errors.ts';

export function poolClosed(name: string): LongshoreError {
  return new LongshoreError(`${name} is closed`, {
    code: 'ERR_POOL_CLOSED',
    hint: 'Submit before close(); create a new pool',
  });
}

export function poolTerminated(name: string): LongshoreError {
  return new LongshoreError(`${name} was terminated`, { code: 'ERR_POOL_TERMINATED' });
}

export function poolBroken(name: string, why: string, cause: unknown): LongshoreError {
  return new LongshoreError(`${name} is broken: ${why}`, {
    code: 'ERR_POOL_BROKEN',
    hint: 'See the cause; no task can run before it is gone',
    origin: 'worker',
    cause,
  });
}

export function workerDied(doing: string, how: string, cause: unknown): LongshoreError {
  return new LongshoreError(`the worker that ran ${doing} ${how}`, {
    code: 'ERR_WORKER_DIED',
    hint: 'The task may have done a part of its work; it is not run again by itself',
    origin: 'worker',
    cause,
  });
}

export function taskTimedOut(doing: string, timeoutMs: number): LongshoreError {
  return new LongshoreError(`${doing} was stopped after ${timeoutMs} ms`, {
    code: 'ERR_TASK_TIMEOUT',
    hint: 'Raise timeoutMs if it only needs longer',
    retryable: true,
    origin: 'worker',
  });
}

/** No clock in JavaScript counts further; setTimeout would fire at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** @throws LongshoreError `ERR_BAD_TIMEOUT` */
export function checkTimeout(value: number | undefined): number | undefined {
  if (value === undefined || (value > 0 && value <= LONGEST_TIMEOUT_MS)) return value;
  throw new LongshoreError(
    `timeoutMs must be above 0 and at most ${LONGEST_TIMEOUT_MS}, not ${String(value)}`,
    { code: 'ERR_BAD_TIMEOUT', hint: 'Leave it out for no bound', origin: 'input' },
  );
}
