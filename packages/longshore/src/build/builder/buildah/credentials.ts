import { join } from 'node:path';
import { registryOfKey } from '../../../registry/index.ts';
import { isObject, readJsonObject } from '../json.ts';
import type { Environment } from '../options.ts';
import { configFolder, homeFolder } from './homeFolders.ts';

export interface AuthFile {
  readonly auths: Record<string, unknown>;
  readonly credHelpers: Record<string, unknown>;
}

/**
 * What the files say that containers-auth.json(5) names, the one with the last word at the end.
 * @param registries - whose credentials are wanted; without them, all: they go into a file, and one that
 *   a killed run leaves behind should give away no more than has to be
 */
export async function readAuths(
  environment: Environment,
  registries: ReadonlySet<string> | undefined,
): Promise<AuthFile> {
  const merged: AuthFile = { auths: {}, credHelpers: {} };
  for (const path of authFiles(environment)) {
    const { auths, credHelpers } = await readJsonObject(path);
    if (isObject(auths)) Object.assign(merged.auths, auths);
    if (isObject(credHelpers)) Object.assign(merged.credHelpers, credHelpers);
  }
  if (registries === undefined) return merged;
  const wanted = Object.entries(merged.auths).filter(([key]) => registries.has(registryOfKey(key)));
  return { ...merged, auths: Object.fromEntries(wanted) };
}

function authFiles(environment: Environment): readonly string[] {
  const named = environment['REGISTRY_AUTH_FILE'];
  if (named !== undefined && named !== '') return [named];
  const docker = environment['DOCKER_CONFIG'] ?? join(homeFolder(environment), '.docker');
  const runtime = environment['XDG_RUNTIME_DIR'] ?? `/run/containers/${process.getuid?.() ?? 0}`;
  return [
    join(docker, 'config.json'),
    join(configFolder(environment), 'containers/auth.json'),
    join(runtime, 'containers/auth.json'),
    `/run/containers/${process.getuid?.() ?? 0}/auth.json`,
  ];
}
