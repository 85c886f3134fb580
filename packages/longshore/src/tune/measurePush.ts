import { randomBytes } from 'node:crypto';
import { type Digest, formatReference, type Reference } from '../image/index.ts';
import type { Registry, RegistryEvent, RegistryUploads } from '../registry/index.ts';
import type { Store } from '../store/index.ts';
import { type ImageToPush, type PushResult, push } from '../transfer/index.ts';
import { type ColdTarget, coldTarget } from './coldTarget.ts';
import type { Measurement } from './experiment.ts';
import { type Judged, timed } from './measure.ts';
import { Trace } from './trace.ts';
import type { Arm } from './types.ts';

export interface PlannedPush {
  /** Its name in the store. */
  readonly source: string;
  readonly digest: Digest;
  /** The name that the user gave: never written to, only the pattern of names that are. */
  readonly destination: Reference;
}

export interface PushMeasurer {
  readonly images: readonly PlannedPush[];
  /** What a cold run has to send: sizes by digest. */
  readonly blobs: ReadonlyMap<Digest, number>;
  readonly store: Store;
  /** Begin of the names of fresh repositories. @defaultValue `DESTINATION-tune` */
  readonly scratch?: string | undefined;
  /** A new client for each run: connections and tokens are part of what is measured. */
  readonly openRegistry: (
    onEvent: (event: RegistryEvent) => void,
  ) => Promise<Registry & RegistryUploads>;
  readonly signal: AbortSignal;
}

/**
 * Pushes once into repositories that did not exist before, and removes what it has pushed where the
 * registry allows that.
 */
export async function measurePush(
  measurer: PushMeasurer,
  arm: Arm,
  { keepTrace }: { readonly keepTrace: boolean },
): Promise<Measurement> {
  const { signal } = measurer;
  const trace = new Trace();
  const client = await measurer.openRegistry((event) => trace.sawRegistry(event));
  try {
    const images = freshNames(measurer);
    const own = new Set(images.map(({ at }) => `${at.registry}/${at.repository}`));
    const target = coldTarget(client, own);
    const measured = await timed(
      () => pushOnce(measurer, { arm, images, target, trace }),
      (results) => judge(results, { measurer, uploads: target.uploads }),
      { trace, interrupted: () => signal.aborted },
    );
    const left = await target.clean();
    return {
      ...measured,
      ...(keepTrace ? { blobs: target.uploads, samples: trace.samples } : {}),
      ...(left.length === 0 ? {} : { left }),
    };
  } finally {
    await client.close();
  }
}

interface FreshImage {
  readonly source: string;
  readonly at: Reference;
}

/** One fresh repository for each that the user names; tags stay what they are. */
function freshNames({ images, scratch }: PushMeasurer): readonly FreshImage[] {
  const id = randomBytes(4).toString('hex');
  const repositories = [...new Set(images.map(({ destination }) => destination.repository))];
  return images.map(({ source, destination }) => {
    const { registry, repository, tag = 'tune' } = destination;
    const place = repositories.length === 1 ? '' : `-${repositories.indexOf(repository) + 1}`;
    const name = scratch === undefined ? `${repository}-tune-${id}` : `${scratch}-${id}${place}`;
    return { source, at: { registry, repository: name, tag } };
  });
}

async function pushOnce(
  { store, signal }: PushMeasurer,
  run: {
    readonly arm: Arm;
    readonly images: readonly FreshImage[];
    readonly target: ColdTarget;
    readonly trace: Trace;
  },
): Promise<readonly PushResult[]> {
  const { arm, target, trace } = run;
  const stop = AbortSignal.any([signal, trace.signal]);
  const images = run.images.map(({ source, at }) => ({ source, destination: formatReference(at) }));
  const send = (some: readonly ImageToPush[]): Promise<PushResult> =>
    push(some, {
      store,
      registry: target.registry,
      pushers: arm.workers,
      drain: stop,
      signal: stop,
      onEvent: (event) => trace.saw(event),
    });
  if (!arm.serial) return [await send(images)];
  const results: PushResult[] = [];
  for (const image of images) results.push(await send([image]));
  return results;
}

/** Whether a run counts, and if not, why. */
function judge(
  results: readonly PushResult[],
  { measurer, uploads }: { measurer: PushMeasurer; uploads: ColdTarget['uploads'] },
): Judged {
  const pushed = results.flatMap(({ images }) => images);
  const sent = new Set(uploads.map(({ digest }) => digest));
  const width = results[0]?.settled[0]?.width;
  const common = {
    bytes: uploads.reduce((total, { bytes }) => total + bytes, 0),
    ...(width === undefined ? {} : { settledWidth: width }),
  };
  const bad = pushed.find(({ state }) => state !== 'pushed' && state !== 'unchanged');
  if (bad !== undefined) {
    return { ...common, state: 'failed', problem: bad.error?.message ?? bad.state };
  }
  if (pushed.some(({ digest }, i) => digest !== measurer.images[i]?.digest)) {
    return { ...common, state: 'failed', problem: 'the image in the store has changed' };
  }
  const unsent = [...measurer.blobs.keys()].filter((digest) => !sent.has(digest)).length;
  if (unsent > 0) {
    const problem = `the registry had ${unsent} of ${measurer.blobs.size} blobs before they were sent`;
    return { ...common, state: 'cached', problem };
  }
  return { ...common, state: 'ok' };
}
