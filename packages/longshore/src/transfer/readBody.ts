import type { BlobStream } from '../registry/index.ts';
import type { ByteRange } from '../store/index.ts';
import { ENOUGH, type Flow } from './flow.ts';

/** There at once, or to be awaited before more is sent. */
export type Wait = undefined | Promise<void>;

/** Where the bytes of a body go. */
export interface BodyTarget {
  /** Of the blob. */
  readonly size: number;
  /** Takes bytes that the flow is for, and moves it on. The chunk is its owner's again once this settles. */
  write(at: number, bytes: Uint8Array): Wait;
  /** Books bytes that came and are not wanted. */
  passOver(bytes: number): Wait;
  /** The next stretch from `offset` on that nobody fetches. */
  gapFrom(offset: number): ByteRange | undefined;
}

/**
 * Reads a body for a flow, whose end may be cut meanwhile. A server that ignores ranges sends what is held
 * already, too: that is passed over, and what fills other gaps further on is taken besides.
 * @throws what `stream.consume` throws; `ENOUGH` where the rest of the body is another flow's
 */
export async function readBody(flow: Flow, stream: BlobStream, target: BodyTarget): Promise<void> {
  const last = stream.end ?? target.size;
  let at = stream.start;
  await stream.consume((chunk) => {
    const start = at;
    at += chunk.byteLength;
    let vain = chunk.byteLength;
    let writing: Wait;
    do {
      const from = Math.max(start, flow.offset);
      const to = Math.min(at, flow.end);
      if (to <= from) continue;
      vain -= to - from;
      writing = both(writing, target.write(from, chunk.subarray(from - start, to - start)));
    } while (at >= flow.end && !stream.ranged && goOn(flow, target));
    if (vain > 0) writing = both(writing, target.passOver(vain));
    return at >= flow.end && at < last ? leave(writing) : writing;
  });
}

function goOn(flow: Flow, target: BodyTarget): boolean {
  const next = target.gapFrom(flow.end);
  if (next !== undefined) flow.goOn(next);
  return next !== undefined;
}

export function both(one: Wait, other: Wait): Wait {
  if (one === undefined || other === undefined) return one ?? other;
  return Promise.all([one, other]).then(() => undefined);
}

/** Out of a body's consumer, once what it has given is written. */
async function leave(writing: Wait): Promise<never> {
  await writing;
  throw ENOUGH;
}
