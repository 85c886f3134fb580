const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const MAX_LENGTH = 64;
const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h))+$/;
const HTTP_DATE = /^[A-Z][a-z]{2,8}[, ].*\d{2}:\d{2}:\d{2}/;

/**
 * How long a `Retry-After` field asks to wait, in milliseconds; `undefined` when it cannot be read.
 * Read are seconds and dates (RFC 9110, 10.2.3), and what registries send besides: fractions
 * (`0.5`) and durations as Go prints them (`12.5ms`, `1m30s`; GHCR does).
 *
 * @param nowMs milliseconds since the epoch, for dates; a date in the past is 0
 */
export function parseRetryAfter(value: string, nowMs: number): number | undefined {
  const text = value.trim();
  if (text.length > MAX_LENGTH) return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return finite(Number(text) * 1000);
  if (DURATION.test(text)) return finite(readDuration(text));
  if (!HTTP_DATE.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

function readDuration(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
  }
  return total;
}

function finite(ms: number): number | undefined {
  return Number.isFinite(ms) ? ms : undefined;
}
