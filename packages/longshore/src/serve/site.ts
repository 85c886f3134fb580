import type { Store } from '../store/index.ts';
import type { Catalogue } from './catalogue.ts';
import type { ContentOrigin } from './contentOrigin.ts';
import type { UploadSessions } from './uploadSessions.ts';

/** What the handlers of one server share. */
export interface Site {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly uploads: UploadSessions;
  readonly contentOrigin: ContentOrigin;
  /** Aborted when the server closes: whoever waits lets go. */
  readonly closing: AbortSignal;
}
