import type { RegistryEvent } from '../registry/index.ts';
import type { TransferEvent } from '../transfer/index.ts';
import type { BlobSpan, WidthSample } from './types.ts';

/**
 * What a run tells on its way. A run that was throttled cannot count any more, so it is stopped at
 * once: what it would go on to do costs the registry and tells nothing.
 */
export class Trace {
  retries = 0;
  throttled: string | undefined;
  retryAfterMs: number | undefined;
  readonly spans: BlobSpan[] = [];
  readonly samples: WidthSample[] = [];
  readonly #begun = new Map<string, number>();
  readonly #stop = new AbortController();
  #startedAt = 0;

  /** Aborted when the run cannot count any more. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  sawRegistry(event: RegistryEvent): void {
    if (event.type === 'registry.retry') this.retries += 1;
    if (event.type !== 'registry.throttled') return;
    this.retryAfterMs = event.retryAfterMs;
    this.#spoil(`HTTP ${event.status}`);
  }

  saw(event: TransferEvent): void {
    if (event.type === 'run.started') this.#startedAt = event.at;
    if (event.type === 'blob.retry') this.retries += 1;
    if (event.type === 'upload.cut') {
      this.#spoil(`an upload stood still for ${(event.silentMs / 1000).toFixed(0)} s`);
    }
    // A blob that is split among workers begins once.
    if (event.type === 'blob.started' && !this.#begun.has(event.digest)) {
      this.#begun.set(event.digest, this.#at(event.at));
    }
    if (event.type === 'blob.done') {
      const end = this.#at(event.at);
      const start = this.#begun.get(event.digest) ?? end;
      this.spans.push({ digest: event.digest, bytes: event.size, start, end });
    }
    if (event.type === 'progress') {
      const { width, bytesPerSecond } = event;
      this.samples.push({ at: this.#at(event.at), width, bytesPerSecond });
    }
  }

  #spoil(how: string): void {
    this.throttled ??= how;
    this.#stop.abort();
  }

  #at(time: number): number {
    return (time - this.#startedAt) / 1000;
  }
}
