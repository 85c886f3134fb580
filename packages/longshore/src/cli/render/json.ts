import type { Clock, NoticeLevel, Renderer } from './renderer.ts';

/** A line of the program itself among the events; its schema is part of `longshore schema event`. */
export interface NoticeLine {
  readonly type: 'notice';
  readonly at: number;
  readonly level: NoticeLevel;
  readonly text: string;
}

/** Changes of state are all written; of those that only tell how far it is, one in so many milliseconds. */
const PROGRESS_MS = 500;
const PROGRESS_TYPES: ReadonlySet<string> = new Set(['progress', 'bulk.progress']);

/** One JSON object a line: the events as they are, and notices. */
export function createJsonRenderer<E extends { readonly type: string }>(
  write: (text: string) => void,
  clock: Clock,
): Renderer<E> {
  let progressAt = Number.NEGATIVE_INFINITY;
  return {
    onEvent(event) {
      if (PROGRESS_TYPES.has(event.type)) {
        if (clock.now() - progressAt < PROGRESS_MS) return;
        progressAt = clock.now();
      }
      write(`${JSON.stringify(event)}\n`);
    },
    notice(level, text) {
      const notice: NoticeLine = { type: 'notice', at: clock.now(), level, text };
      write(`${JSON.stringify(notice)}\n`);
    },
    close() {},
  };
}
