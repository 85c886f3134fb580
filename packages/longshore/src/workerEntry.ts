/**
 * Where a thread or process starts that is beside the module that asks, and of its kind: a source, a
 * module of the library, or a chunk of the command line.
 * @param asking `import.meta.url` of the module
 */
export function workerEntry(name: string, asking: string): URL {
  return new URL(`./${name}${asking.slice(asking.lastIndexOf('.'))}`, asking);
}
