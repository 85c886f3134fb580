/** Pushes: from the store to registries, no wider than they bear. */
export { openCeilingMemory } from './ceilingMemory.ts';
export type { PushRegistry } from './context.ts';
export { findProfile } from './profiles.ts';
export { createPublishGate, type PublishGate } from './publishGate.ts';
export { push } from './push.ts';
export { openPusher, type Pusher, type PushRequest } from './pusher.ts';
export { type ImageNode, readImage } from './readImage.ts';
export type {
  CeilingMemory,
  ImageToPush,
  PushedImage,
  PusherOptions,
  PushOptions,
  PushResult,
} from './types.ts';
