import { splitCsv } from '../spec/csvFields.ts';
import type { Instruction } from './types.ts';

/** What `COPY --from` and `RUN --mount=from=` name, variables as they were written. */
export function namedImages({ keyword, flags }: Instruction): readonly string[] {
  return flags.flatMap(({ name, value }) => {
    if (value === undefined) return [];
    if (keyword === 'COPY' && name === 'from') return [value];
    if (keyword !== 'RUN' || name !== 'mount') return [];
    const from = splitCsv(value)?.find((field) => field.startsWith('from='));
    return from === undefined ? [] : [from.slice('from='.length)];
  });
}
