import { LongshoreError } from '../errors.ts';
import type { Descriptor, Digest } from '../image/index.ts';
import type { Store } from '../store/index.ts';
import type { Holding, PullPlan } from './plan.ts';

/** What the store holds of these blobs, each looked up once. */
export async function readHoldings(
  store: Pick<Store, 'stat' | 'partialBytes'>,
  digests: ReadonlySet<Digest>,
): Promise<(descriptor: Descriptor) => Holding> {
  const held = new Map<Digest, { size: number | undefined; partialBytes: number }>();
  await Promise.all(
    [...digests].map(async (digest) => {
      const size = await store.stat(digest);
      const partialBytes = size === undefined ? await store.partialBytes(digest) : 0;
      held.set(digest, { size, partialBytes });
    }),
  );
  return ({ digest, size }) => {
    const known = held.get(digest);
    return { present: known?.size === size, partialBytes: known?.partialBytes ?? 0 };
  };
}

/**
 * Refuses a plan that cannot end well, before a byte of it moves.
 * @throws LongshoreError `ERR_DISK_TOO_SMALL`
 */
export function checkSpace(
  path: string,
  plan: PullPlan,
  { freeBytes, freeInodes }: Awaited<ReturnType<Store['space']>>,
): void {
  const { fetchBytes } = plan.summary;
  const full = fetchBytes > freeBytes;
  if (!full && (freeInodes === undefined || plan.fetch.length <= freeInodes)) return;
  const what = full
    ? `${fetchBytes} bytes are to come and ${path} has ${freeBytes} free`
    : `${plan.fetch.length} blobs are to come and the file system of ${path} has ${freeInodes} inodes free`;
  throw new LongshoreError(`Too little disk: ${what}`, {
    code: 'ERR_DISK_TOO_SMALL',
    origin: 'disk',
    hint: 'Free some space (longshore cache prune), or put the store elsewhere with --store DIR',
  });
}
