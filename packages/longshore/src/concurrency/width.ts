import { LongshoreError } from '../errors.ts';

/**
 * A width (how many at once) is a whole number from 1 up. 0 would wait for ever, an infinite one is
 * no limit, and NaN compares false with everything: each would turn into a hang or a flood later.
 *
 * @param what - named in the error: `width of pushes to HOST`
 * @throws LongshoreError `ERR_BAD_WIDTH`
 */
export function checkWidth(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new LongshoreError(`${what} must be a whole number from 1 up, not ${String(value)}`, {
      code: 'ERR_BAD_WIDTH',
      hint: 'Pass 1 to work one by one',
      origin: 'input',
    });
  }
  return value;
}
