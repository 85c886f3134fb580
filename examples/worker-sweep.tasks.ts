// What worker-sweep.ts measures unless told otherwise: like fetching a layer, it waits for
// somebody else and then computes a little.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

export interface Layer {
  readonly bytes: number;
  readonly waitMs: number;
}

export async function fetchLayer({ bytes, waitMs }: Layer): Promise<string> {
  await delay(waitMs);
  return createHash('sha256').update(Buffer.alloc(bytes)).digest('hex');
}
