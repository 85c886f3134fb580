import { parseReference } from '../../image/index.ts';
import type { PushPlan } from '../../tune/index.ts';
import { usageError } from '../failures.ts';
import { readPair } from '../push/pairs.ts';
import { formatBytes } from '../render/format.ts';
import { openOrCreateStore } from '../stores.ts';
import { runTune } from '../tune/run.ts';
import type { CommandContext } from './context.ts';

/** `longshore tune push REF[=DEST]...` */
export async function runTunePush(context: CommandContext): Promise<number> {
  const { args, settings } = context;
  if (args.length === 0) {
    throw usageError(
      'tune push: no image is named',
      'Give one of the store that takes seconds to push, or several, as REF or REF=DEST',
    );
  }
  const images = args.map((input) => readPair({ input }));
  for (const { source, destination } of images) {
    parseReference(source);
    if (destination !== undefined) parseReference(destination);
  }
  const scratch = settings.scratch === undefined ? undefined : checkScratch(settings.scratch);
  const store = await openOrCreateStore(context);
  try {
    const { tunePush } = await import('../../tune/index.ts');
    return await runTune(context, 'push', (options) =>
      tunePush(images, {
        ...options,
        store,
        scratch,
        onPlan: (plan) => tellPlan(context, plan, scratch),
      }),
    );
  } finally {
    await store.close();
  }
}

/** Where it goes and how much it is, before it goes: registries are not free. */
function tellPlan(
  { complain, settings }: CommandContext,
  { images, blobs }: PushPlan,
  scratch: string | undefined,
): void {
  if (settings.progress === 'quiet' || settings.progress === 'json') return;
  const bytes = [...blobs.values()].reduce((total, size) => total + size, 0);
  const names = images.map(
    ({ destination }) => `${destination.registry}/${scratch ?? `${destination.repository}-tune`}-*`,
  );
  complain(
    `Each run pushes ${formatBytes(bytes)} to a new repository and deletes it where it may:\n${[...new Set(names)].map((name) => `  ${name}\n`).join('')}`,
  );
}

/** A path on the registry of the destination; a name with a tag or a host is a misunderstanding. */
function checkScratch(scratch: string): string {
  const { repository, registry, tag, digest } = parseReference(`localhost/${scratch}`);
  const isPath = repository === scratch && registry === 'localhost' && digest === undefined;
  if (isPath && (tag === undefined || !scratch.includes(':'))) return scratch;
  throw usageError(
    `--scratch: ${JSON.stringify(scratch)} is not the path of a repository`,
    'Write a path without host and tag, for example team/scratch/tune',
  );
}
