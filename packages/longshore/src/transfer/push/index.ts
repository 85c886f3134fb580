/** Pushes: from the store to registries, no wider than they bear. */
export { openCeilingMemory } from './ceilingMemory.ts';
export { push } from './push.ts';
export { openPusher, type Pusher, type PushRequest } from './pusher.ts';
export type {
  CeilingMemory,
  ImageToPush,
  PushedImage,
  PusherOptions,
  PushOptions,
  PushResult,
} from './types.ts';
