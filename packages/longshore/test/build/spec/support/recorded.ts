import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** What `buildx bake --print` said, `{cwd}` where it was run. */
export interface Recorded {
  readonly buildx: string;
  readonly printed: Readonly<Record<string, Printed>>;
}

export interface Printed {
  readonly group: Readonly<Record<string, { readonly targets: readonly string[] }>>;
  readonly target: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const FILE = path.join(import.meta.dirname, 'buildxPrinted.json');

/** Recorded from buildx by `test/interop/bakePrint.test.ts`, which also checks that it still holds. */
export async function readRecorded(): Promise<Recorded> {
  return JSON.parse(await readFile(FILE, 'utf8')) as Recorded;
}

export async function writeRecorded(recorded: Recorded): Promise<void> {
  await writeFile(FILE, `${JSON.stringify(recorded, undefined, 2)}\n`);
}
