/**
 * What a permit is for. `body` permits are what `width` counts. `metadata` (manifests, tokens, HEAD
 * requests) has a small class of its own, so it never waits behind bodies.
 */
export type PermitKind = 'body' | 'metadata';

export interface AcquireOptions {
  /** @defaultValue 'body' */
  readonly kind?: PermitKind;
  /** Higher goes first. @defaultValue 0 */
  readonly priority?: number;
  /** Among equal priorities the lower goes first. @defaultValue 0 */
  readonly turn?: number;
  /** Size of the work; among equal turns the larger goes first. @defaultValue 0 */
  readonly bytes?: number;
  /** Who holds the permit, for `limiter.holders()`. */
  readonly label?: string;
  /** Stops the waiting; a permit once given is not taken back. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The right to do one thing now. Hold it until the body has ended, not only until the answer has
 * begun: `using permit = await limiter.acquire()`. Releasing twice counts once.
 */
export interface Permit extends Disposable {
  readonly label: string | undefined;
  readonly released: boolean;
  release(): void;
}
