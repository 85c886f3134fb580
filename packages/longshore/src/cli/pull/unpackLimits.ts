import type { LayerLimits } from '../../export/index.ts';
import { usageError } from '../failures.ts';
import { type Parsed, parseCount, parseSize } from '../settings/units.ts';

const LIMITS: Readonly<
  Record<
    string,
    { readonly key: keyof LayerLimits; readonly parse: (text: string) => Parsed<number> }
  >
> = {
  bytes: { key: 'maxBytes', parse: parseSize },
  ratio: { key: 'maxRatio', parse: (text) => parseCount(text, 1_000_000) },
  entries: { key: 'maxEntries', parse: (text) => parseCount(text, 1_000_000_000) },
  names: { key: 'maxNameBytes', parse: parseSize },
};

/**
 * Reads `NAME=VALUE` as `--unpack-limit` takes it; the last of a name counts.
 * @throws LongshoreError `ERR_USAGE`
 */
export function readUnpackLimits(texts: readonly string[]): LayerLimits {
  const limits: { -readonly [Key in keyof LayerLimits]: LayerLimits[Key] } = {};
  for (const text of texts) {
    const [name = '', ...rest] = text.split('=');
    const limit = Object.hasOwn(LIMITS, name) ? LIMITS[name] : undefined;
    if (limit === undefined || rest.length === 0) {
      throw usageError(
        `--unpack-limit: ${JSON.stringify(text)} is not NAME=VALUE`,
        `NAME is one of ${Object.keys(LIMITS).join(', ')}; for example ratio=1000`,
      );
    }
    const value = limit.parse(rest.join('='));
    if (!value.ok) throw usageError(`--unpack-limit: ${name}: ${value.reason}`);
    limits[limit.key] = value.value;
  }
  return limits;
}
