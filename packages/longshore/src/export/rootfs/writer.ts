import { constants } from 'node:fs';
import {
  chmod,
  chown,
  type FileHandle,
  lchown,
  link,
  lutimes,
  mkdir,
  open,
  symlink,
  utimes,
} from 'node:fs/promises';
import type { ExportNote } from '../events.ts';
import type { TarMember } from '../tar/writer.ts';
import { makeNode } from './nodes.ts';
import { XattrWriter } from './xattrs.ts';

/** A new file: what is there already, or is a link, is an error and not a target. */
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const SET_ID_BITS = 0o6000;

interface OpenFile {
  readonly handle: FileHandle;
  readonly member: TarMember;
}

/** Writes members of a flattened image below a directory that it alone writes to. */
export class RootfsWriter {
  readonly #root: Buffer;
  readonly #keepOwners: boolean;
  readonly #directories: TarMember[] = [];
  readonly #xattrs: XattrWriter;
  readonly #lost = { xattrs: 0, devices: 0, owners: 0, setid: 0 };
  #file: OpenFile | undefined;
  #bytes = 0;

  constructor(root: string, keepOwners: boolean) {
    this.#root = Buffer.from(root);
    this.#keepOwners = keepOwners;
    this.#xattrs = new XattrWriter(keepOwners);
  }

  async member(member: TarMember): Promise<void> {
    await this.#closeFile();
    if (member.type !== 'hardlink') this.#note(member);
    switch (member.type) {
      case 'directory':
        if (member.path !== '') await mkdir(this.#path(member.path), { mode: 0o700 });
        this.#directories.push(member);
        return;
      case 'file':
        return this.#openFile(member);
      case 'symlink':
        await symlink(toBytes(member.linkPath ?? ''), this.#path(member.path));
        return this.#finishLink(member);
      case 'hardlink':
        // link(2) does not follow a symlink here, so one can have two names as well.
        return link(this.#path(member.linkPath ?? ''), this.#path(member.path));
      case 'character-device':
      case 'block-device':
      case 'fifo':
        return this.#node(member);
    }
  }

  async data({ offset, chunk }: { offset: number; chunk: Buffer }): Promise<void> {
    const handle = this.#file?.handle;
    if (handle === undefined) return;
    this.#bytes += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await handle.write(chunk, at, chunk.length - at, offset + at);
      at += bytesWritten;
    }
  }

  /** Gives directories their modes, deepest first: a read-only one could not be filled before. */
  async finish(): Promise<{ notes: ExportNote[]; bytes: number }> {
    await this.#closeFile();
    for (const member of this.#directories.toReversed()) {
      const path = this.#path(member.path);
      if (this.#keepOwners) await chown(path, member.uid, member.gid);
      await chmod(path, this.#mode(member));
      await utimes(path, member.mtime, member.mtime);
    }
    this.#lost.xattrs = await this.#xattrs.write(this.#root.toString());
    return { notes: this.#notes(), bytes: this.#bytes };
  }

  /** Lets go of an open file when the work is given up. */
  async abandon(): Promise<void> {
    await this.#file?.handle.close();
    this.#file = undefined;
  }

  #path(path: string): Buffer {
    if (path === '') return this.#root;
    return Buffer.concat([this.#root, Buffer.from('/'), toBytes(path)]);
  }

  async #openFile(member: TarMember): Promise<void> {
    const handle = await open(this.#path(member.path), CREATE, 0o600);
    this.#file = { handle, member };
  }

  async #closeFile(): Promise<void> {
    if (this.#file === undefined) return;
    const { handle, member } = this.#file;
    this.#file = undefined;
    try {
      // Holes, and the one at the end, cost nothing on the disk.
      await handle.truncate(member.size);
      if (this.#keepOwners) await handle.chown(member.uid, member.gid);
      // After the owner: changing that drops set-uid.
      await handle.chmod(this.#mode(member));
      await handle.utimes(member.mtime, member.mtime);
    } finally {
      await handle.close();
    }
  }

  async #finishLink(member: TarMember): Promise<void> {
    const path = this.#path(member.path);
    if (this.#keepOwners) await lchown(path, member.uid, member.gid);
    await lutimes(path, member.mtime, member.mtime);
  }

  async #node(member: TarMember): Promise<void> {
    const path = this.#path(member.path);
    const made = (this.#keepOwners || member.type === 'fifo') && (await makeNode(path, member));
    if (!made) {
      this.#lost.devices++;
      return;
    }
    if (this.#keepOwners) await chown(path, member.uid, member.gid);
    await chmod(path, this.#mode(member));
    await utimes(path, member.mtime, member.mtime);
  }

  #mode(member: TarMember): number {
    if (this.#keepOwners) return member.mode;
    const own = member.type === 'directory' ? 0o700 : 0o600;
    return (member.mode & ~SET_ID_BITS) | own;
  }

  #note(member: TarMember): void {
    this.#xattrs.add(member);
    if (this.#keepOwners) return;
    if (member.uid !== process.geteuid?.()) this.#lost.owners++;
    if (member.type === 'file' && (member.mode & SET_ID_BITS) !== 0) this.#lost.setid++;
  }

  #notes(): ExportNote[] {
    const { xattrs, devices, owners, setid } = this.#lost;
    const all: ExportNote[] = [
      {
        code: 'xattrs-left-out',
        message: 'extended attributes were left out: not allowed here, or setfattr is missing',
        count: xattrs,
      },
      { code: 'devices-left-out', message: 'device nodes were left out', count: devices },
      {
        code: 'owners-left-out',
        message: 'files belong to you and not to their owners',
        count: owners,
      },
      { code: 'setuid-left-out', message: 'set-uid and set-gid bits were dropped', count: setid },
    ];
    return all.filter((note) => note.count > 0);
  }
}

function toBytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}
