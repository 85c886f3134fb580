import type { CommandContext } from '../commands/context.ts';
import { usageError } from '../failures.ts';
import { type Entry, readList } from './listFile.ts';

/**
 * What arguments and `--from` name, in this order.
 * @param refuse makes the error for when that is nothing, from the words for it
 */
export async function readNamed(
  { settings: { from }, places, host }: CommandContext,
  given: readonly string[],
  refuse: (what: string) => Error,
): Promise<readonly Entry[]> {
  const listed =
    from === undefined ? [] : await readList(from, { cwd: places.cwd, stdin: host.stdin });
  const entries = [...given.map((input) => ({ input })), ...listed];
  host.expectImages(entries.length);
  if (entries.length > 0) return entries;
  throw refuse(from === undefined ? 'no image is named' : `no image is named in ${from}`);
}

/**
 * The images that arguments and `--from` name, in this order.
 * @throws LongshoreError `ERR_USAGE` when there are none
 */
export function readEntries(context: CommandContext, verb: string): Promise<readonly Entry[]> {
  const hint = 'Give references, for example debian:12, or --from FILE';
  return readNamed(context, context.args, (what) => usageError(`${verb}: ${what}`, hint));
}
