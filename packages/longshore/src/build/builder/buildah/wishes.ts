import { formatPlatform, type Platform } from '../../../image/index.ts';
import type { BuildTarget, CacheEntry } from '../../target.ts';
import { type DockerfileFacts, readDockerfileFacts } from '../dockerfileFacts.ts';
import { canRunOn } from '../emulation.ts';

/** What a target asks for that buildah of this version cannot do; see `Builder.unsupported`. */
export async function buildahCannot(
  target: BuildTarget,
  version: string,
): Promise<readonly string[]> {
  const facts = await readDockerfileFacts(target);
  const platforms = await Promise.all(target.platforms.map((one) => platformTrouble(one, facts)));
  return [
    ...platforms.flat(),
    ...dockerfileTrouble(facts, version),
    ...target.annotations.filter(isForIndexes).map((text) => `annotation ${text.split('=')[0]}`),
    ...target.secrets
      .filter(({ id, from }) => `${id}${from.kind === 'file' ? from.path : ''}`.includes(','))
      .map(({ id }) => `secret ${id} (a comma in its name or path)`),
    ...target.noCacheFilter.map((stage) => `no-cache-filter ${stage}`),
    ...cacheTrouble('cache-from', target.cacheFrom),
    ...cacheTrouble('cache-to', target.cacheTo),
    ...target.entitlements
      .filter((name) => name !== 'network.host')
      .map((name) => `entitlement ${name}`),
    ...target.attestations
      .filter((entry) => entry['disabled'] !== 'true')
      .map((entry) => `attestation ${entry['type'] ?? 'without a type'}`),
    ...(NETWORKS.test(target.network ?? 'default') ? [] : [`network ${target.network}`]),
  ];
}

const NETWORKS = /^(default|none|host|private|ns:.+)$/;

async function platformTrouble(
  platform: Platform,
  facts: DockerfileFacts,
): Promise<readonly string[]> {
  const name = `platform ${formatPlatform(platform)}`;
  if (platform.os !== 'linux') return [name];
  if (!facts.runs || (await canRunOn(platform))) return [];
  return [`${name} (no emulator for its programs is registered on this machine)`];
}

function dockerfileTrouble(facts: DockerfileFacts, version: string): readonly string[] {
  const isOlder = (minor: number): boolean => Number(/^1\.(\d+)/.exec(version)?.[1]) < minor;
  const flags = [...facts.flags];
  return [
    ...(facts.heredocs && isOlder(33) ? ['here-documents (buildah 1.33 has them)'] : []),
    ...flags.filter((flag) => isOlder(33) && /^(RUN|COPY|ADD) /.test(flag) && !OLD_FLAGS.has(flag)),
    ...flags.filter((flag) => !isOlder(33) && isOlder(41) && flag.endsWith(' --link')),
  ];
}

/** What 1.28 takes, as it says itself when it refuses others. */
const OLD_FLAGS: ReadonlySet<string> = new Set([
  'RUN --mount',
  'COPY --chmod',
  'COPY --chown',
  'COPY --from',
  'ADD --chmod',
  'ADD --chown',
]);

function isForIndexes(annotation: string): boolean {
  return /^(index|index-descriptor|manifest-descriptor|manifest\[[^\]]*\])(,[^:=]*)?:/.test(
    annotation,
  );
}

/** It keeps its cache in repositories of a registry, and looks into one of them. */
function cacheTrouble(what: string, entries: readonly CacheEntry[]): readonly string[] {
  const others = entries.filter((entry) => entry['type'] !== 'registry' || !entry['ref']);
  return [
    ...others.map((entry) => `${what} of type ${entry['type'] ?? 'unknown'}`),
    ...(entries.length - others.length > 1 ? [`more than one ${what}`] : []),
  ];
}
