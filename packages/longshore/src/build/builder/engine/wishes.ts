import type { BuildTarget, NamedContext } from '../../target.ts';
import { type DockerfileFacts, readDockerfileFacts } from '../dockerfileFacts.ts';

/**
 * What a target asks for that the classic builder of an engine cannot do: all that came with
 * BuildKit, which needs a session that only its own client (buildx) speaks.
 */
export async function engineCannot(target: BuildTarget): Promise<readonly string[]> {
  const facts = await readDockerfileFacts(target);
  return [
    ...(target.platforms.length > 1 ? ['more than one platform'] : []),
    ...target.platforms.filter(({ os }) => os !== 'linux').map(({ os }) => `platform ${os}`),
    ...dockerfileTrouble(facts),
    ...target.annotations.map((text) => `annotation ${text.split('=')[0]}`),
    ...Object.entries(target.contexts)
      .filter(([, from]) => from.kind === 'folder' || from.kind === 'url')
      .map(([name, from]) => `context ${name} (${describe(from)})`),
    ...target.secrets.map(({ id }) => `secret ${id}`),
    ...target.ssh.map(({ id }) => `ssh ${id}`),
    ...target.cacheFrom
      .filter((entry) => entry['type'] !== 'registry' || !entry['ref'])
      .map((entry) => `cache-from of type ${entry['type'] ?? 'unknown'}`),
    ...target.cacheTo.map((entry) => `cache-to of type ${entry['type'] ?? 'unknown'}`),
    ...target.noCacheFilter.map((stage) => `no-cache-filter ${stage}`),
    ...target.ulimits
      .filter((text) => !/^[a-z]+=-?\d+(:-?\d+)?$/.test(text))
      .map((text) => `ulimit ${text}`),
    ...target.entitlements
      .filter((name) => name !== 'network.host')
      .map((name) => `entitlement ${name}`),
    ...target.attestations
      .filter((entry) => entry['disabled'] !== 'true')
      .map((entry) => `attestation ${entry['type'] ?? 'without a type'}`),
  ];
}

function describe(from: NamedContext): string {
  return from.kind === 'folder' ? 'a folder' : 'an address';
}

/** Flags that the classic builder has; others it refuses by name when it meets them. */
const KNOWN_FLAGS: ReadonlySet<string> = new Set([
  'FROM --platform',
  'COPY --from',
  'COPY --chown',
  'ADD --chown',
]);

function dockerfileTrouble(facts: DockerfileFacts): readonly string[] {
  const foreign = facts.syntax !== undefined && !/docker\/dockerfile(:|@|$)/.test(facts.syntax);
  return [
    ...(foreign ? [`the syntax ${facts.syntax}`] : []),
    ...(facts.heredocs ? ['here-documents'] : []),
    ...[...facts.flags].filter(
      (flag) => /^(FROM|RUN|COPY|ADD) /.test(flag) && !KNOWN_FLAGS.has(flag),
    ),
  ];
}
