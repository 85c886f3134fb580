/** Where a worker starts. Sources run as `.ts`, the package as `.js`: the entry is what this file is. */
export function workerEntry(name: 'threadEntry' | 'processEntry'): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${name}.${extension}`, import.meta.url);
}
