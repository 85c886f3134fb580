import type { CommandContext } from '../commands/context.ts';
import { usageError } from '../failures.ts';
import { type Entry, readList } from './listFile.ts';

/**
 * The images that arguments and `--from` name, in this order.
 * @throws LongshoreError `ERR_USAGE` when there are none
 */
export async function readEntries(
  { args, settings, places, host }: CommandContext,
  verb: string,
): Promise<readonly Entry[]> {
  const { from } = settings;
  const listed =
    from === undefined ? [] : await readList(from, { cwd: places.cwd, stdin: host.stdin });
  const entries = [...args.map((input) => ({ input })), ...listed];
  host.expectImages(entries.length);
  if (entries.length > 0) return entries;
  const what = from === undefined ? 'no image is named' : `no image is named in ${from}`;
  throw usageError(`${verb}: ${what}`, 'Give references, for example debian:12, or --from FILE');
}
