import type { CommandContext } from './commands/context.ts';
import { pickProgress } from './render/pick.ts';
import { truncateText } from './render/text.ts';

const STATUS_MS = 200;

/**
 * One line on a terminal that says how far something is, for work without events. Nothing where
 * stderr is not a terminal.
 * @param work gets a function that takes the text to show next; it is called only when it is due
 */
export async function withStatusLine<T>(
  { host, settings, complain }: CommandContext,
  work: (show: (text: () => string) => void) => Promise<T>,
): Promise<T> {
  const mode = settings.progress ?? pickProgress(host.env, host.stderr.isTTY === true);
  if (mode !== 'tty') return work(() => {});
  let shownAt = Number.NEGATIVE_INFINITY;
  try {
    return await work((text) => {
      if (host.clock.now() - shownAt < STATUS_MS) return;
      shownAt = host.clock.now();
      complain(`\r${truncateText(text(), (host.stderr.columns ?? 80) - 1)}\u001B[K`);
    });
  } finally {
    complain('\r\u001B[K');
  }
}
