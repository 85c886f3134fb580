import { shortDigest } from '../../image/index.ts';
import type { TransferEvent } from '../../transfer/index.ts';
import { formatCount, formatDuration } from './format.ts';
import { warningText } from './lasting.ts';
import type { Clock } from './renderer.ts';

/** Of each kind of trouble (retries, throttling) at most one line in this time, twice as long after each, */
const TROUBLE_MS = 5000;
/** up to this: who waits for an hour has read why in the first minute. */
const LONGEST_MS = 60_000;

export type TroubleEvent = Extract<
  TransferEvent,
  {
    readonly type:
      | 'blob.retry'
      | 'registry.retry'
      | 'registry.throttled'
      | 'registry.warning'
      | 'push.width';
  }
>;

/** What registries and connections do to a run, in lines for logs: few, however much it is. */
export interface Troubles {
  tell(event: TroubleEvent): void;
  /** Writes what was held back, as a number. */
  flush(): void;
}

export function openTroubles(line: (text: string) => void, clock: Clock): Troubles {
  const warned = new Set<string>();
  const retries = limitLines(line, clock, ['retry', 'retries']);
  const widths = limitLines(line, clock, ['change of width', 'changes of width']);
  const throttles = limitLines(line, clock, ['request to slow down', 'requests to slow down']);
  return {
    tell(event) {
      switch (event.type) {
        case 'blob.retry':
          return retries.line(
            `retrying ${shortDigest(event.digest)} in ${formatDuration(event.delayMs)}: ${event.error.message}`,
          );
        case 'registry.retry':
          return retries.line(
            `retrying ${event.request} on ${event.origin} in ${formatDuration(event.delayMs)}: ${event.reason}`,
          );
        case 'registry.throttled': {
          const wait =
            event.retryAfterMs === undefined ? '' : ` for ${formatDuration(event.retryAfterMs)}`;
          return throttles.line(`${event.origin} asks to slow down (${event.status})${wait}`);
        }
        case 'push.width':
          return widths.line(
            `${event.registry}: ${formatCount(event.width, 'upload')} at once (${event.reason})`,
          );
        case 'registry.warning': {
          const text = warningText(event);
          if (!warned.has(text)) line(text);
          warned.add(text);
          return;
        }
      }
    },
    flush() {
      retries.flush();
      throttles.flush();
    },
  };
}

/** Lets the first line of a kind through at once, then ever fewer with the number left out. */
function limitLines(
  write: (text: string) => void,
  clock: Clock,
  [one, many]: readonly [one: string, many: string],
): { line: (text: string) => void; flush: () => void } {
  let lastAt = Number.NEGATIVE_INFINITY;
  let gapMs = TROUBLE_MS;
  let heldBack = 0;
  const flush = (): void => {
    if (heldBack > 0) write(`and ${heldBack} more ${heldBack === 1 ? one : many}`);
    heldBack = 0;
  };
  return {
    line(text) {
      const since = clock.now() - lastAt;
      if (since < gapMs) {
        heldBack += 1;
        return;
      }
      flush();
      gapMs = since > 2 * gapMs ? TROUBLE_MS : Math.min(LONGEST_MS, 2 * gapMs);
      lastAt = clock.now();
      write(text);
    },
    flush,
  };
}
