import { instructionError } from './errors.ts';

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  '\u00b5s': 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's durations, `1m30s`, in nanoseconds. @throws LongshoreError */
export function readDuration(text: string): number {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|\u00b5s|ms|s|m|h))+$/.test(text)) {
    throw instructionError(`${JSON.stringify(text)} is no duration`, 'Write 30s, 5m or 1m30s');
  }
  let total = 0;
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)([a-z\u00b5]+)/g)) {
    total += Number(number) * (UNITS[unit] ?? 0);
  }
  return Math.round(total);
}
