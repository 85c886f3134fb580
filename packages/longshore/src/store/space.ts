import { realpath, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type QuotaLeft, readQuota } from './quota.ts';

/** What may still be written somewhere. */
export interface Space {
  readonly freeBytes: number;
  /** `undefined` where the file system has no fixed number of them. */
  readonly freeInodes: number | undefined;
  /** Of user and group, where quotas are set and can be asked for. */
  readonly quota: QuotaLeft;
}

/**
 * Looks up what a path, or what will be above it, has room for.
 * @param searchPath `PATH`, where `quota` and `lfs` are looked for; without it quotas are not asked for
 * @returns `undefined` where the file system does not tell
 */
export async function readSpace(path: string, searchPath = ''): Promise<Space | undefined> {
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      const real = await realpath(at);
      const { bavail, bsize, files, ffree, type } = await statfs(real);
      const { gid } = await stat(real);
      return {
        freeBytes: bavail * bsize,
        freeInodes: files === 0 ? undefined : ffree,
        quota: await readQuota(real, { fileSystemType: type, group: gid, searchPath }),
      };
    } catch {
      if (at === dirname(at)) return undefined;
    }
  }
}
