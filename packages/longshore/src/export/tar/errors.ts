import { LongshoreError } from '../../errors.ts';

/** An archive that breaks the format, or that asks for more than the limits allow. */
export function tarError(reason: string, cause?: unknown): LongshoreError {
  return new LongshoreError(`Not a valid tar archive: ${reason}`, {
    code: 'ERR_TAR_INVALID',
    origin: 'input',
    hint: 'Whoever built the image is at fault; build it again, or pull another tag',
    cause,
  });
}

/** A name for a message: printable, quoted, and not endless. */
export function showName(name: string): string {
  return JSON.stringify(Buffer.from(name.slice(0, 200), 'latin1').toString('utf8'));
}
