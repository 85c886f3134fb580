import { type HeaderFields, headerValue } from './http.ts';
import type { PullQuota } from './types.ts';

const AMOUNT = /^\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9}))?/;

/**
 * What `ratelimit-limit` and `ratelimit-remaining` tell (`100;w=21600`, as Docker Hub sends them),
 * or `undefined` when they are not both there.
 */
export function readQuota(headers: HeaderFields): PullQuota | undefined {
  const limit = AMOUNT.exec(headerValue(headers, 'ratelimit-limit') ?? '');
  const remaining = AMOUNT.exec(headerValue(headers, 'ratelimit-remaining') ?? '');
  if (limit === null || remaining === null) return undefined;
  const window = limit[2] ?? remaining[2];
  return {
    limit: Number(limit[1]),
    remaining: Number(remaining[1]),
    windowSeconds: window === undefined ? undefined : Number(window),
  };
}

/** The texts of `Warning: 299 - "text"` fields, which the distribution specification lets registries send. */
export function readWarnings(headers: HeaderFields): readonly string[] {
  const texts: string[] = [];
  for (const line of headers.get('warning') ?? []) {
    const quoted = /^299 \S+ "((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
    if (quoted !== undefined) texts.push(quoted.replace(/\\(.)/g, '$1'));
  }
  return texts;
}
