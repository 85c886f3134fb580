import type { NoticeLevel, Renderer } from './renderer.ts';

/** A line of the program itself among the events; its schema is part of `longshore schema event`. */
export interface NoticeLine {
  readonly type: 'notice';
  readonly at: number;
  readonly level: NoticeLevel;
  readonly text: string;
}

/** One JSON object a line: the events as they are, and notices. */
export function createJsonRenderer(write: (text: string) => void, now: () => number): Renderer {
  return {
    onEvent(event) {
      write(`${JSON.stringify(event)}\n`);
    },
    notice(level, text) {
      const notice: NoticeLine = { type: 'notice', at: now(), level, text };
      write(`${JSON.stringify(notice)}\n`);
    },
    close() {},
  };
}
