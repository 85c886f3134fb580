import { execFile } from 'node:child_process';
import type { ByteString } from '../tar/types.ts';
import type { TarMember } from '../tar/writer.ts';

/** Orders to the kernel's overlayfs, not content. */
const OVERLAY = /^(trusted|user)\.overlay\./;

/**
 * Gathers extended attributes and sets them all at once by `setfattr`, from the package `attr`:
 * Node has no call for it. Last of all, because a change of owner drops file capabilities.
 */
export class XattrWriter {
  readonly #allowed: RegExp;
  #dump = '';
  #files = 0;
  #leftOut = 0;

  /** @param privileged whether more than `user.` attributes may be set */
  constructor(privileged: boolean) {
    this.#allowed = privileged ? /^(user|trusted|security)\./ : /^user\./;
  }

  add({ path, type, xattrs }: TarMember): void {
    if (xattrs === undefined) return;
    const kept = [...xattrs].filter(([name]) => this.#allowed.test(name) && !OVERLAY.test(name));
    // `user.` attributes are for files and directories only.
    const fits = type === 'file' || type === 'directory';
    if (kept.length < xattrs.size || !fits) this.#leftOut++;
    if (kept.length === 0 || !fits) return;
    this.#files++;
    const lines = kept.map(([name, value]) => `${quote(name)}=0x${value.toString('hex')}\n`);
    this.#dump += `# file: ./${quote(path)}\n${lines.join('')}\n`;
  }

  /** @returns how many files lack some of their attributes now */
  async write(root: string): Promise<number> {
    if (this.#files === 0) return this.#leftOut;
    const done = await restore(root, this.#dump);
    return done ? this.#leftOut : this.#leftOut + this.#files;
  }
}

function restore(root: string, dump: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = execFile(
      '/usr/bin/setfattr',
      ['-h', '--restore=-'],
      { cwd: root, env: {} },
      (error) => resolve(error === null),
    );
    // It may not be there, or end before it has read all: the callback tells.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(dump, 'latin1');
  });
}

/** As `getfattr` writes names: all that could be taken for something else as octal. */
function quote(name: ByteString): string {
  return name.replaceAll(/[^A-Za-z0-9/._-]/g, (char) => {
    return `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
}
