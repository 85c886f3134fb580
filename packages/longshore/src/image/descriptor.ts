import type { Digest } from './digest.ts';
import type { Platform } from './platform.ts';

/**
 * The currency of the whole system: what content is, named so that it can be verified.
 * OCI image specification, `descriptor.md`.
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Where else the content can be had; present on foreign layers. Never fetched by itself. */
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
}
