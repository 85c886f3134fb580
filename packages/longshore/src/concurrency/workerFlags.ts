/** Flags of the parent that say what it runs itself; a worker has its own entry. With an argument. */
const ENTRY_FLAGS = new Set(['--input-type', '--eval', '-e', '--print', '-p', '-pe']);

/** Flags that change how modules are found and loaded: what a task's imports depend on. */
const LOADING = /^(--conditions|-C|--import|--require|-r|--experimental-loader|--loader)(=|$)/;

/** What a worker process is started with: all of the parent's flags but those naming its entry. */
export function processFlags(execArgv: readonly string[]): string[] {
  return withoutEntry(execArgv);
}

/**
 * What a thread is started with: `undefined`, which takes over everything, unless the parent runs
 * code from its command line. Then a thread would be told to do the same and refuse; and since it
 * also refuses flags that belong to a whole process, only those about loading are passed on.
 */
export function threadFlags(execArgv: readonly string[]): string[] | undefined {
  const flags = withoutEntry(execArgv);
  if (flags.length === execArgv.length) return undefined;
  return flags.flatMap((flag, at) => {
    if (!LOADING.test(flag)) return [];
    const argument = flags[at + 1];
    return flag.includes('=') || argument === undefined ? [flag] : [flag, argument];
  });
}

function withoutEntry(execArgv: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < execArgv.length; at += 1) {
    const flag = execArgv[at] ?? '';
    if (ENTRY_FLAGS.has(flag)) at += 1;
    else if (!flag.startsWith('--input-type=') && !flag.startsWith('--eval=')) kept.push(flag);
  }
  return kept;
}
