import { formatFailure } from './lasting.ts';
import type { Renderer } from './renderer.ts';
import { cleanText } from './text.ts';

/** Nothing but what went wrong. */
export function createQuietRenderer(write: (text: string) => void): Renderer {
  return {
    onEvent(event) {
      if (event.type === 'image.failed') write(`${formatFailure(event.reference, event.error)}\n`);
    },
    notice(level, text) {
      if (level !== 'info') write(`${cleanText(text)}\n`);
    },
    close() {},
  };
}
