import type { Clock, NoticeLevel, Renderer } from './renderer.ts';

/** A line of the program itself among the events; its schema is part of `longshore schema event`. */
export interface NoticeLine {
  readonly type: 'notice';
  readonly at: number;
  readonly level: NoticeLevel;
  readonly text: string;
}

/** Changes of state are all written; of `progress`, one in so many milliseconds. */
const PROGRESS_MS = 500;

/** One JSON object a line: the events as they are, and notices. */
export function createJsonRenderer(write: (text: string) => void, clock: Clock): Renderer {
  let progressAt = Number.NEGATIVE_INFINITY;
  return {
    onEvent(event) {
      if (event.type === 'progress') {
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
