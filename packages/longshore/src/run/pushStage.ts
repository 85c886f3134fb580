import type { BuildTarget, BuiltImage } from '../build/index.ts';
import { formatReference, parseReference } from '../image/index.ts';
import type { PublishGate, PushedImage, Pusher } from '../transfer/index.ts';
import type { TagOutcome } from './ledger.ts';
import type { Step } from './liveLedger.ts';

/** How a push ends, without what only the run knows. */
export type PushEnding = Extract<
  Step,
  { readonly to: 'pushed' | 'unchanged' | 'failed-push' | 'cancelled' }
>;

export interface PushNeeds {
  readonly pusher: Pusher;
  readonly gate: PublishGate | undefined;
  /** Names that are up already, those first whose blobs this image is most likely to share. */
  readonly up: () => Iterable<string>;
}

/** Names under which the store keeps what a target was built into. */
export function storeNames({ name, tags }: Pick<BuildTarget, 'name' | 'tags'>): readonly string[] {
  if (tags.length > 0) return tags.map((tag) => formatReference(parseReference(tag)));
  const path = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return [`localhost/${path === '' ? 'target' : path}:latest`];
}

/** Pushes an image under all names of its target. Never rejects: what went wrong is in the ending. */
export async function pushTarget(
  target: BuildTarget,
  image: BuiltImage,
  { pusher, gate, up }: PushNeeds,
): Promise<PushEnding> {
  const pushed = await Promise.all(
    storeNames(target).map(async (name) => {
      const outcome = await pusher.push(
        { source: name, descriptor: image },
        { beforeTag: gate?.wait, sibling: findSibling(name, up()) },
      );
      const isUp = outcome.state === 'pushed' || outcome.state === 'unchanged';
      if (isUp) gate?.pass();
      else gate?.fail(name);
      return tagOutcome(name, outcome);
    }),
  );
  return ending(pushed);
}

/** A repository of the same registry to mount blobs from. Pure. */
function findSibling(name: string, up: Iterable<string>): string | undefined {
  const own = parseReference(name);
  for (const other of up) {
    const { registry, repository } = parseReference(other);
    if (registry === own.registry && repository !== own.repository) return repository;
  }
  return undefined;
}

/** How a target ends whose names ended so. Pure. */
function ending(tags: readonly TagOutcome[]): PushEnding {
  const failed = tags.find(({ state }) => state === 'failed');
  if (failed?.error !== undefined) return { to: 'failed-push', tags, error: failed.error };
  if (tags.some(({ state }) => state === 'cancelled')) return { to: 'cancelled' };
  return { to: tags.every(({ state }) => state === 'unchanged') ? 'unchanged' : 'pushed', tags };
}

function tagOutcome(name: string, { destination, state, digest, error }: PushedImage): TagOutcome {
  return {
    destination: destination ?? name,
    state,
    ...(digest === undefined ? {} : { digest }),
    ...(error === undefined ? {} : { error }),
  };
}
