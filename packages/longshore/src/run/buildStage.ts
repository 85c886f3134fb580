import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Builder, BuildRequest, BuiltImage } from '../build/index.ts';
import { isLongshoreError } from '../errors.ts';

/** A builder that is gone may be back: twice it is worth a pause. */
const RETRY_PAUSES_MS = [1000, 4000];

export interface BuildAttempts extends Omit<BuildRequest, 'onLog'> {
  readonly builder: Builder;
  /** Gets everything that the builder prints. */
  readonly logFile: string;
  readonly onRetry: (attempt: number, reason: string) => void;
  /** ISO 8601, for the log. */
  readonly now: () => string;
}

/**
 * Builds one target, with its output in a file of its own; again where the builder itself went away.
 * @throws what the builder throws, in the end
 */
export async function buildTarget(attempts: BuildAttempts): Promise<BuiltImage> {
  const { builder, logFile, onRetry, now, ...request } = attempts;
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  // A log that cannot be written is no reason to lose a build; the run's journal will say.
  log.on('error', () => undefined);
  const write = (line: string): void => void log.write(`${line}\n`);
  try {
    for (let attempt = 1; ; attempt += 1) {
      write(`# ${now()} ${request.target.name} with ${builder.version}`);
      try {
        return await builder.build({ ...request, onLog: write });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        write(`# ${now()} ${message.split('\n', 1)[0]}`);
        const pauseMs = RETRY_PAUSES_MS[attempt - 1];
        const isWorthIt = isLongshoreError(error) && error.retryable;
        if (!isWorthIt || pauseMs === undefined || request.signal.aborted) throw error;
        onRetry(attempt, message);
        await sleep(pauseMs, undefined, { signal: request.signal });
      }
    }
  } finally {
    log.end();
    await finished(log).catch(() => undefined);
  }
}
