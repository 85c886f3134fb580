import { isLongshoreError } from '../errors.ts';
import type { RunOutcome } from '../transfer/index.ts';

/** What a shell learns; the table in `docs/cli.md`. */
export const EXIT = {
  /** Every image succeeded. */
  ok: 0,
  /** The run finished, at least one image failed. */
  failed: 1,
  /** Usage or configuration error; nothing was done. */
  usage: 2,
  /** Cannot start here: store not writable, too little disk, no converter. */
  cannotStart: 3,
  /** Interrupted, by whichever signal; state kept. */
  interrupted: 130,
} as const;

/** The exit code for a run that has come to its end. */
export function exitCodeOfRun(outcome: RunOutcome): number {
  switch (outcome) {
    case 'succeeded':
      return EXIT.ok;
    case 'failed':
      return EXIT.failed;
    case 'cancelled':
      return EXIT.interrupted;
  }
}

/** The exit code for an error that ended the whole run, not only one image. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return EXIT.interrupted;
  if (!isLongshoreError(error)) return EXIT.failed;
  if (error.code === 'ERR_USAGE' || error.code === 'ERR_CONFIG') return EXIT.usage;
  switch (error.origin) {
    case 'input':
      return EXIT.usage;
    case 'store':
    case 'disk':
    case 'worker':
    case 'builder':
    case 'converter':
      return EXIT.cannotStart;
    case 'registry':
    case 'network':
    case undefined:
      return EXIT.failed;
  }
}

/** What is wrong with these is to be seen without looking at anything else. */
const MISUSE: ReadonlySet<string> = new Set([
  'ERR_USAGE',
  'ERR_CONFIG',
  'ERR_PLATFORM_INVALID',
  'ERR_PROXY_CONFIG',
  'ERR_REFERENCE_INVALID',
  'ERR_RUN_NOT_FOUND',
  'ERR_TUNE_WIDTHS',
]);

/**
 * Whether the command line or the settings are to be mended before there can be a run at all. Others with
 * the same exit code are about what was found: a specification that cannot be read is the run's failure.
 */
export function isMisuse(error: unknown): boolean {
  return isLongshoreError(error) && MISUSE.has(error.code);
}

/** The reason of the abort signals that Ctrl-C, SIGTERM and SIGHUP fire. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'AbortError';
  }
}
