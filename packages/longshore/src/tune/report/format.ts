import type { Estimate } from '../stats/intervals.ts';
import type { TuneResults } from '../types.ts';

/** What there are so many of: pushes have pushers. */
export function nounOf(verb: TuneResults['verb']): 'workers' | 'pushers' {
  return verb === 'push' ? 'pushers' : 'workers';
}

/** `1 worker`, `4 pushers`. */
export function countOf(count: number | string, verb: TuneResults['verb']): string {
  const noun = nounOf(verb);
  return `${count} ${String(count) === '1' ? noun.slice(0, -1) : noun}`;
}

/** Three digits that matter. */
export function formatSeconds(value: number): string {
  if (value >= 99.95) return `${value.toFixed(0)} s`;
  if (value >= 9.995) return `${value.toFixed(1)} s`;
  if (value >= 0.9995) return `${value.toFixed(2)} s`;
  return `${(value * 1000).toFixed(0)} ms`;
}

/** Powers of 1000. */
export function formatBytes(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} GB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(0)} MB`;
  return `${Math.max(1, Math.round(value / 1e3))} kB`;
}

/** `1.02 (95 % interval 0.99 to 1.04)` */
export function formatRange({ value, low, high }: Estimate): string {
  return `${value.toFixed(3)} (95 % interval ${low.toFixed(3)} to ${high.toFixed(3)})`;
}

export function formatProbability(p: number): string {
  return p < 0.001 ? p.toExponential(1) : p.toPrecision(2);
}

/** `1.020 (0.990 to 1.040)`, for columns that say what stands in brackets. */
export function formatPlain({ value, low, high }: Estimate): string {
  return `${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}
