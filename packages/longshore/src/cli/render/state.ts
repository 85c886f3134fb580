import type { ActiveBlob, PlanSummary, TransferEvent } from '../../transfer/index.ts';

type OutputProgress = Extract<TransferEvent, { type: 'output.progress' }>;

/** An image on its way into an output. */
export interface ActiveOutput extends Omit<OutputProgress, 'type'> {
  /** When its present step began, in milliseconds since the epoch. */
  readonly since: number;
}

/** What a viewer knows of a run: the fold of its events. */
export interface ProgressState {
  readonly verb: 'pull' | 'push';
  readonly phase: 'resolving' | 'moving' | 'draining' | 'finished';
  readonly startedAt: number;
  readonly images: {
    readonly total: number;
    readonly resolved: number;
    readonly done: number;
    readonly failed: number;
    readonly cancelled: number;
  };
  readonly plan: PlanSummary | undefined;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  readonly etaMs: number | undefined;
  readonly blobs: { readonly total: number; readonly done: number };
  readonly width: number;
  readonly active: readonly ActiveBlob[];
  readonly outputs: readonly ActiveOutput[];
  /** The last time that a registry asked to slow down, and until when that is worth a line. */
  readonly throttle:
    | { readonly origin: string; readonly status: number; readonly until: number }
    | undefined;
  readonly finish: Extract<TransferEvent, { type: 'run.finished' }> | undefined;
}

/** A throttling without `Retry-After` is shown this long. */
const THROTTLE_SHOWN_MS = 3000;

export const INITIAL_STATE: ProgressState = {
  verb: 'pull',
  phase: 'resolving',
  startedAt: 0,
  images: { total: 0, resolved: 0, done: 0, failed: 0, cancelled: 0 },
  plan: undefined,
  doneBytes: 0,
  totalBytes: 0,
  bytesPerSecond: 0,
  etaMs: undefined,
  blobs: { total: 0, done: 0 },
  width: 0,
  active: [],
  outputs: [],
  throttle: undefined,
  finish: undefined,
};

/** What `state` becomes through `event`. Pure. */
export function foldEvent(state: ProgressState, event: TransferEvent): ProgressState {
  const { images } = state;
  switch (event.type) {
    case 'run.started':
      return {
        ...state,
        verb: event.verb,
        // A push resolves in its own store, which takes no time to show.
        phase: event.verb === 'push' ? 'moving' : state.phase,
        startedAt: event.at,
        images: { ...images, total: event.images },
        width: event.workers === 'auto' ? state.width : event.workers,
      };
    case 'image.resolved':
      return { ...state, images: { ...images, resolved: images.resolved + 1 } };
    case 'plan.ready':
      return {
        ...state,
        phase: state.phase === 'resolving' ? 'moving' : state.phase,
        plan: event,
        totalBytes: event.fetchBytes,
        blobs: { total: event.fetchBlobs, done: 0 },
      };
    case 'image.done':
      return { ...state, images: { ...images, done: images.done + 1 } };
    case 'image.failed':
      return {
        ...state,
        images: { ...images, failed: images.failed + 1 },
        outputs: state.outputs.filter(({ image }) => image !== event.image),
      };
    case 'output.progress':
      return { ...state, outputs: withOutput(state.outputs, event) };
    case 'output.done':
      return { ...state, outputs: state.outputs.filter((one) => !isSameOutput(one, event)) };
    case 'progress':
      return {
        ...state,
        doneBytes: event.doneBytes,
        totalBytes: event.totalBytes,
        bytesPerSecond: event.bytesPerSecond,
        etaMs: event.etaMs,
        images: { ...images, ...event.images },
        blobs: event.blobs,
        width: event.width,
        active: event.active,
      };
    case 'run.draining':
      return { ...state, phase: 'draining' };
    case 'run.finished':
      return {
        ...state,
        phase: 'finished',
        images: { ...images, ...event.images },
        active: [],
        finish: event,
      };
    case 'registry.throttled':
      return {
        ...state,
        throttle: {
          origin: event.origin,
          status: event.status,
          until: event.at + (event.retryAfterMs ?? THROTTLE_SHOWN_MS),
        },
      };
    case 'blob.started':
    case 'blob.waiting':
    case 'blob.retry':
    case 'blob.done':
    case 'blob.failed':
    case 'blob.pushed':
    case 'upload.cut':
    case 'push.width':
    case 'registry.retry':
    case 'registry.quota':
    case 'registry.warning':
      return state;
  }
}

type OutputName = Pick<OutputProgress, 'image' | 'output'>;

function isSameOutput(one: OutputName, other: OutputName): boolean {
  return one.image === other.image && one.output === other.output;
}

/** Each keeps its place, so that lines do not jump. */
function withOutput(outputs: readonly ActiveOutput[], event: OutputProgress): ActiveOutput[] {
  const { type: _, ...progress } = event;
  const known = outputs.find((one) => isSameOutput(one, event));
  const since = known?.step === event.step ? known.since : event.at;
  const now = { ...progress, since };
  return known === undefined
    ? [...outputs, now]
    : outputs.map((one) => (one === known ? now : one));
}
