import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a process has used by its end, its children not counted. */
export interface Usage {
  /** At its peak. */
  readonly rssMiB: number;
  readonly cpuSeconds: number;
}

/** Environment in which a Node process writes its usage to a file when it ends. */
export function usageInto(file: string): {
  readonly NODE_OPTIONS: string;
  readonly USAGE_FILE: string;
} {
  const hook = join(import.meta.dirname, 'usageHook.js');
  return { NODE_OPTIONS: `--import ${hook}`, USAGE_FILE: file };
}

export async function readUsage(file: string): Promise<Usage> {
  return JSON.parse(await readFile(file, 'utf8')) as Usage;
}
