import type { DigestAlgorithm } from '../image/index.ts';

/** To the thread that hashes. Files are named by a number that the sender chose. */
export type HashOrder =
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly algorithm: DigestAlgorithm;
      /** Descriptors belong to the process, so those of one thread are good in another. */
      readonly fd: number;
    }
  /** The file holds everything up to `end`: hash on to there. */
  | { readonly kind: 'advance'; readonly id: number; readonly end: number }
  /** Answered once all that was ordered before is hashed. */
  | { readonly kind: 'report'; readonly id: number }
  /** Answered once the file is not read any more. */
  | { readonly kind: 'close'; readonly id: number };

/** From the thread that hashes. */
export type HashReply =
  /** `hex`: the digest of the first `frontier` bytes. */
  | {
      readonly kind: 'report';
      readonly id: number;
      readonly frontier: number;
      readonly hex: string;
    }
  /** In place of a report, once reading has failed. */
  | { readonly kind: 'lost'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly error: unknown }
  | { readonly kind: 'closed'; readonly id: number };
