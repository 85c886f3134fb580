import type { Readable, Writable } from 'node:stream';
import type { Clock } from './render/renderer.ts';

/** A stream to a person or to another program. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export type InputStream = Readable & {
  readonly isTTY?: boolean;
  readonly setRawMode?: (raw: boolean) => unknown;
};

/** What asks for an end. */
export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** What the program knows of the process it runs in; tests hand in their own. */
export interface CliHost {
  /** Without the executable and the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly cwd: string;
  /** Home directory by the user database, for when `HOME` is not set. */
  readonly home: string;
  readonly version: string;
  /** Whom a bug is reported to: an address, or words. */
  readonly reportTo: string;
  /** `process.platform` and `process.arch`. */
  readonly platform: string;
  readonly arch: string;
  readonly clock: Clock;
  /** Told of how many images a run is about, before it asks for any. */
  readonly expectImages: (count: number) => void;
  /** Calls `listener` on each signal that asks for an end until the returned function is called. */
  readonly onSignal: (listener: (signal: StopSignal) => void) => () => void;
}
