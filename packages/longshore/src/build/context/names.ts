/**
 * A path or name as bytes, one character a byte (`latin1`), as the tar writer takes them: names on
 * disk need not be UTF-8, and two broken ones must not become one.
 */
export type ByteName = string;

const BEYOND_ASCII = /[\u0080-\u{10ffff}]/u;

/** Text of a Dockerfile as the bytes that stand in file systems. */
export function toByteName(text: string): ByteName {
  return BEYOND_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** Bytes as text, for patterns and for people; what is not UTF-8 shows as U+FFFD. */
export function fromByteName(name: ByteName): string {
  return BEYOND_ASCII.test(name) ? Buffer.from(name, 'latin1').toString('utf8') : name;
}

/** Go's `path.Clean`, by which Docker reads all paths: `.` for nothing, inner `..` resolved. */
export function cleanGoPath(path: string): string {
  const rooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!rooted) parts.push('..');
  }
  const text = parts.join('/');
  if (rooted) return `/${text}`;
  return text === '' ? '.' : text;
}

/** A directory and a name in it; the root is the empty string. */
export function joinName(directory: ByteName, name: ByteName): ByteName {
  return directory === '' ? name : `${directory}/${name}`;
}

/** Below the root, without a slash at either end: `/a/./b/` is `a/b`; `..` stops at the root. */
export function belowRoot(path: string): string {
  return cleanGoPath(`/${path}`).slice(1);
}

/** By bytes, whatever the locale. */
export function compareNames(a: ByteName, b: ByteName): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
