import type { EventListener } from '../../transfer/index.ts';
import type { Entry } from './listFile.ts';

/** A line of a list that is no reference is named by its file and line. */
export function explainLines(entries: readonly Entry[], next: EventListener): EventListener {
  return (event) => {
    if (event.type === 'image.failed' && event.error.code === 'ERR_REFERENCE_INVALID') {
      const where = entries[event.image]?.where;
      if (where !== undefined) {
        const error = { ...event.error, message: `${where}: ${event.error.message}` };
        next({ ...event, error });
        return;
      }
    }
    next(event);
  };
}
