/** The copy engine: plan, schedule, move. */
export { summariseError } from './errors.ts';
export type {
  ActiveBlob,
  ErrorSummary,
  EventListener,
  ImageState,
  PlanSummary,
  TransferEvent,
} from './events.ts';
export { type HostMemory, openHostMemory, pushesTo } from './hostMemory.ts';
export type { Settled, Workers } from './lanes.ts';
export type { Met } from './met.ts';
export { type RunOutcome, runOutcome } from './outcome.ts';
export { type PulledImage, type PullOptions, type PullResult, pull } from './pull.ts';
export {
  type CeilingMemory,
  createPublishGate,
  findProfile,
  type ImageNode,
  type ImageToPush,
  openCeilingMemory,
  openPusher,
  type PublishGate,
  type PushedImage,
  type Pusher,
  type PusherOptions,
  type PushOptions,
  type PushRegistry,
  type PushRequest,
  type PushResult,
  push,
  readImage,
} from './push/index.ts';
export { RateLimit } from './rateLimit.ts';
export {
  NOTHING_HELD,
  type ResolvedImage,
  type ResolveOptions,
  resolveImage,
} from './resolve.ts';
export { createLayersSink } from './sinks/layersSink.ts';
export { createOciSink } from './sinks/ociSink.ts';
export type { ImageSink, SinkContext, SinkProgress, StoredImage } from './sinks/sink.ts';
