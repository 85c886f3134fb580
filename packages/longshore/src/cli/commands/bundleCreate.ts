import { open } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { CreateBundleResult } from '../../export/index.ts';
import { isStdout, isStream, placeOf } from '../../fileSystem.ts';
import { openBundleSource } from '../bundle/source.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { withInterrupts } from '../interrupts.ts';
import { readEntries } from '../pull/entries.ts';
import { formatBytes } from '../render/format.ts';
import { storePath } from '../storePath.ts';
import { openStoreIfThere } from '../stores.ts';
import { checkFilePath } from '../wholeFile.ts';
import type { CommandContext } from './context.ts';

/** Four hundred thousand digests are 29 MB. */
const MAX_INVENTORY_BYTES = 64 * 1024 * 1024;

/** `longshore bundle create REF... --output FILE` */
export async function runBundleCreate(context: CommandContext): Promise<number> {
  const { settings, places, host, print, complain } = context;
  if (settings.output === undefined) {
    throw usageError('bundle create: --output is missing', 'Say which file to write');
  }
  const output = path.resolve(places.cwd, settings.output);
  const entries = await readEntries(context, 'bundle create');
  await checkFilePath('--output', output);
  const place = (await isStream(output)) ? output : await placeOf(output);
  const inventory = await readInventory(settings.have, places.cwd);
  const { bytes, blobs, leftOut } = await withInterrupts(host, (signal) =>
    create(context, { entries, inventory, path: place, signal }),
  );
  if (!(await isStdout(output))) print(`${output}\n`);
  const left = leftOut === 0 ? '' : `, ${leftOut} left out as the other side has them`;
  complain(`${blobs} blobs, ${formatBytes(bytes)}${left}\n`);
  return EXIT.ok;
}

interface Wanted {
  readonly entries: Awaited<ReturnType<typeof readEntries>>;
  readonly inventory: ReadonlySet<string> | undefined;
  readonly path: string;
  readonly signal: AbortSignal;
}

async function create(context: CommandContext, wanted: Wanted): Promise<CreateBundleResult> {
  const store = await openStoreIfThere(context);
  if (store === undefined) {
    throw usageError(`There is no store at ${storePath(context)}`, 'Pull the images first');
  }
  try {
    const { createBundle } = await import('../../export/index.ts');
    const { inventory, path: file, signal } = wanted;
    const images = await openBundleSource(store, wanted.entries);
    return await createBundle({ store, images, inventory, path: file, signal });
  } finally {
    await store.close();
  }
}

async function readInventory(
  file: string | undefined,
  cwd: string,
): Promise<ReadonlySet<string> | undefined> {
  if (file === undefined) return undefined;
  const { parseInventory } = await import('../../export/index.ts');
  return parseInventory(await readBounded(path.resolve(cwd, file), file));
}

async function readBounded(resolved: string, file: string): Promise<string> {
  try {
    await using handle = await open(resolved);
    const { size } = await handle.stat();
    if (size <= MAX_INVENTORY_BYTES) return await handle.readFile('utf8');
  } catch (cause) {
    throw usageError(`--have: cannot read ${file}: ${errnoOf(cause) ?? String(cause)}`);
  }
  throw usageError(`--have: ${file} is over 64 MiB`, 'An inventory lists digests, one a line');
}
