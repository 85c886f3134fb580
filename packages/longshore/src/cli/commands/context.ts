import type { GivenDocuments } from '../documents.ts';
import type { CliHost } from '../host.ts';
import type { OptionName } from '../settings/options.ts';
import type { Places } from '../settings/places.ts';
import type { Settings } from '../settings/resolve.ts';

/** What a command gets. */
export interface CommandContext {
  readonly args: readonly string[];
  readonly settings: Settings;
  readonly sources: ReadonlyMap<OptionName, 'flag' | 'environment' | 'file'>;
  readonly places: Places;
  readonly host: CliHost;
  /** Writes to stdout. */
  readonly print: (text: string) => void;
  /** Writes to stderr. */
  readonly complain: (text: string) => void;
  readonly given: GivenDocuments;
}

/** Does the work of a command and returns the exit code. */
export type RunCommand = (context: CommandContext) => Promise<number>;
