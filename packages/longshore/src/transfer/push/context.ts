import type { Registry, RegistryUploads } from '../../registry/index.ts';
import type { Store } from '../../store/index.ts';
import type { EventListener } from '../events.ts';
import type { ProgressTicker } from '../progress.ts';

/** What a push needs of a registry. */
export type PushRegistry = RegistryUploads & Pick<Registry, 'manifest'>;

/** What all pushes of one run have in common. */
export interface PushContext {
  readonly store: Store;
  readonly registry: PushRegistry;
  readonly progress: ProgressTicker;
  /** Bytes are to be sent that nobody knew of before. */
  readonly onPlanned: (bytes: number) => void;
  readonly chunkBytes: number | undefined;
  readonly emit: EventListener;
  readonly now: () => number;
  readonly random: () => number;
  /** No new upload is begun once this is aborted. */
  readonly drain: AbortSignal;
  /** Everything stops at once. */
  readonly signal: AbortSignal;
  /** Work that may outlive its cause, to be waited for at the end. */
  readonly later: (work: Promise<void>) => void;
}
