import type { BuildTarget } from '../../target.ts';

/** What decides whether BuildKit can build a target without a session. */
export interface KitQuestion {
  readonly target: BuildTarget;
  /** The Dockerfile goes along as it is written, under its own name. */
  readonly isUntouched: boolean;
  /** What `# syntax=` names: BuildKit fetches that, the classic builder passes over it. */
  readonly syntax: string | undefined;
  /** A base image is in a registry that wants credentials. */
  readonly needsLogin: boolean;
}

/**
 * Whether the engine's BuildKit does with a target what its classic builder would, from a context
 * that is sent as a tar. For secrets, logins and caches it asks its client back over a session, which
 * only Docker's own clients speak; and it hides no file of a tar from `COPY`, so that a Dockerfile of
 * ours would end up in the image.
 */
export function suitsBuildKit(question: KitQuestion): boolean {
  const { target, isUntouched, syntax, needsLogin } = question;
  return (
    isUntouched &&
    syntax === undefined &&
    !needsLogin &&
    target.context.kind === 'folder' &&
    target.cacheFrom.length === 0 &&
    target.ulimits.length === 0 &&
    target.shmBytes === undefined &&
    NETWORKS.has(target.network ?? 'default')
  );
}

const NETWORKS: ReadonlySet<string> = new Set(['default', 'none', 'host']);
