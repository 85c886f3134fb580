import { isRegistryHost, parseReference } from '../image/index.ts';
import type { Mirror } from '../registry/index.ts';
import { usageError } from './failures.ts';

/**
 * Reads `HOST=MIRROR` settings, in their order: `docker.io=mirror.lab:5000` or, where the mirror keeps
 * the repositories of a host below a path, `docker.io=harbor.lab/hub`.
 * @throws LongshoreError `ERR_USAGE`
 */
export function readMirrors(
  settings: readonly string[] = [],
): ReadonlyMap<string, readonly Mirror[]> {
  const mirrors = new Map<string, Mirror[]>();
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    const host = setting.slice(0, Math.max(0, equals));
    const mirror = readMirror(setting.slice(equals + 1));
    if (!isRegistryHost(host) || mirror === undefined) {
      throw usageError(
        `--mirror: ${JSON.stringify(setting)} is not HOST=MIRROR`,
        'Write for example docker.io=mirror.lab:5000 or docker.io=harbor.lab/hub',
      );
    }
    const known = mirrors.get(host) ?? [];
    known.push(mirror);
    mirrors.set(host, known);
  }
  return mirrors;
}

function readMirror(text: string): Mirror | undefined {
  if (isRegistryHost(text)) return { registry: text };
  const slash = text.indexOf('/');
  const registry = text.slice(0, Math.max(0, slash));
  const prefix = text.slice(slash + 1);
  try {
    // What stands behind the host has to be fit for the beginning of a repository's name.
    parseReference(`${registry}/${prefix}/x`);
  } catch {
    return undefined;
  }
  return isRegistryHost(registry) ? { registry, prefix } : undefined;
}
