import { join } from 'node:path';
import type { Environment } from '../options.ts';

export function homeFolder({ HOME }: Environment): string {
  return HOME ?? '/nonexistent';
}

export function configFolder(environment: Environment): string {
  return environment['XDG_CONFIG_HOME'] ?? join(homeFolder(environment), '.config');
}
