import { type ErrorSummary, summariseError } from '../transfer/index.ts';
import type { CommandContext } from './commands/context.ts';
import type { CommandSpec } from './commands/table.ts';
import { printDocument } from './documents.ts';
import { EXIT, exitCodeOf, Interrupted, isMisuse } from './exitCodes.ts';
import { writeReports } from './reportFile.ts';

/**
 * What stands in place of a command's own document where an error has ended the whole of it. It has no
 * lists that are empty and no counts that are zero: a program that looks for failed images only must not
 * take it for a run in which nothing failed. Every schema of a document allows it.
 */
export interface FailureDocument {
  /** As the command's own document has it. */
  readonly verb: string;
  /** Version of the program. */
  readonly longshore: string;
  readonly outcome: 'failed' | 'cancelled';
  readonly error: ErrorSummary;
}

/**
 * Gives the documents that `--json` and `--report` ask for of a command that an error has ended, where they
 * are not out yet. The error itself is told elsewhere.
 */
export async function tellFailure(
  context: CommandContext,
  { name, verb = name }: Pick<CommandSpec, 'name' | 'verb'>,
  error: unknown,
): Promise<void> {
  if (isMisuse(error)) return;
  const { settings, host, given } = context;
  const code = exitCodeOf(error);
  const document: FailureDocument = {
    verb,
    longshore: host.version,
    outcome: code === EXIT.interrupted ? 'cancelled' : 'failed',
    error: summarise(error),
  };
  if (settings.json === true && !given.printed) await printDocument(context, document);
  if (!given.reported) await writeReports(context, code, { document });
}

function summarise(error: unknown): ErrorSummary {
  if (!(error instanceof Interrupted)) return summariseError(error);
  return { code: 'ERR_INTERRUPTED', message: 'Interrupted before there was a result' };
}
