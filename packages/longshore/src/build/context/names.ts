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
