import { LongshoreError, type LongshoreErrorOptions } from '../errors.ts';

export interface RegistryErrorOptions extends LongshoreErrorOptions {
  /** The response's status code, where there was a response. */
  readonly status?: number | undefined;
  /** What the response asked for in `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Method and address, without query. */
  readonly request?: string | undefined;
}

/** What went wrong between this client and a registry, or whoever serves its bytes. */
export class RegistryError extends LongshoreError {
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly request: string | undefined;

  constructor(message: string, options: RegistryErrorOptions) {
    super(message, { origin: 'registry', ...options });
    this.name = 'RegistryError';
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.request = options.request;
  }
}
