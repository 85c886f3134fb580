import { formatPlatform } from '../../../image/index.ts';
import type { BuildTarget } from '../../target.ts';
import { readDockerfileFacts } from '../dockerfileFacts.ts';

/** What is known of a builder instance of buildx. */
export interface BuildxInstance {
  /** `docker-container`, `remote`, `kubernetes`, `docker`. */
  readonly driver: string;
  readonly nodes: number;
  /** What its nodes run, by themselves or with an emulator; empty where it does not say. */
  readonly platforms: readonly string[];
}

/** What a target asks for that this instance cannot do. The rest BuildKit can, or says that it may not. */
export async function buildxCannot(
  target: BuildTarget,
  instance: BuildxInstance,
): Promise<readonly string[]> {
  const { runs } = await readDockerfileFacts(target);
  const { platforms } = instance;
  const isKnown = (name: string): boolean =>
    platforms.length === 0 || platforms.some((one) => one === name || one.startsWith(`${name}/`));
  const foreign = target.platforms.map(formatPlatform).filter((name) => runs && !isKnown(name));
  return [
    ...foreign.map((name) => `platform ${name} (no node of the instance runs it)`),
    ...(target.platforms.length > 1 && instance.nodes > 1
      ? ['several platforms on several nodes (they cannot make one OCI layout)']
      : []),
    ...(NETWORKS.has(target.network ?? 'default') ? [] : [`network ${target.network}`]),
  ];
}

const NETWORKS: ReadonlySet<string> = new Set(['default', 'none', 'host']);

/** Reads what `buildx inspect` prints. */
export function parseInspect(
  text: string,
): BuildxInstance & { readonly error: string | undefined } {
  const [head = '', nodes = ''] = text.split(/^Nodes:$/m);
  const platforms = [...nodes.matchAll(/^Platforms:\s+(.+)$/gm)].flatMap(([, list = '']) =>
    list.split(',').map((name) => name.trim().replace(/\*$/, '')),
  );
  return {
    driver: /^Driver:\s+(\S+)/m.exec(head)?.[1] ?? '',
    nodes: [...nodes.matchAll(/^Name:/gm)].length,
    platforms,
    error: /^Error:\s+(.+)$/m.exec(text)?.[1],
  };
}
