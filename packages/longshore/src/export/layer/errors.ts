import { LongshoreError } from '../../errors.ts';
import type { Digest } from '../../image/index.ts';
import { shortDigest } from '../../image/index.ts';

/** A layer of which the content makes no sense, or is dangerous. */
export function layerError(code: string, reason: string, cause?: unknown): LongshoreError {
  return new LongshoreError(reason, {
    code: `ERR_LAYER_${code}`,
    origin: 'input',
    hint: 'The image is at fault; build it again, or pull another tag',
    cause,
  });
}

/** Says which layer an error came from, its code and hint kept. */
export function inLayer(digest: Digest, error: unknown): unknown {
  if (!(error instanceof LongshoreError) || error.message.startsWith('Layer ')) return error;
  return new LongshoreError(`Layer ${shortDigest(digest)}: ${error.message}`, {
    code: error.code,
    hint: error.hint,
    retryable: error.retryable,
    origin: error.origin,
    cause: error,
  });
}
