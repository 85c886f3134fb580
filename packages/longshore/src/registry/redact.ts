/** Longest foreign text that goes into a message. */
const MAX_FOREIGN_TEXT = 300;

/**
 * An address as messages may show it: no user, no query, no fragment. Queries carry the signatures
 * of storage services, and whoever has one can read the blob.
 */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Method and address of a request, for messages and events. */
export function describeRequest(request: { readonly method: string; readonly url: URL }): string {
  return `${request.method} ${redactUrl(request.url)}`;
}

/**
 * Text from outside, made fit for a terminal: control and format characters (escape sequences,
 * text direction) become spaces, runs of space become one, the length is capped.
 */
export function cleanText(text: string, maxLength: number = MAX_FOREIGN_TEXT): string {
  const plain = text
    .slice(0, maxLength * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return plain.length <= maxLength ? plain : `${plain.slice(0, maxLength - 3)}...`;
}
