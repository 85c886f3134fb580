import type { ByteString, TarEntry, TarEntryType } from '../tar/types.ts';
import { columns, TextPool } from './columns.ts';
import type { LayerBudget } from './limits.ts';
import { cleanPath } from './path.ts';

const TYPES: readonly TarEntryType[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
];

/** What is known of an inode; everything but its names. */
export interface InodeInfo {
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly size: number;
  readonly linkPath: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<ByteString, Buffer> | undefined;
}

/**
 * The headers of one layer, in its order, packed: about 45 bytes an entry beside its name. Layers
 * can be indexed side by side, and while others still download; `FileTree` then takes them in
 * order.
 */
export class LayerIndex {
  readonly #budget: LayerBudget;
  readonly #names = new TextPool();
  readonly #links = new TextPool();
  readonly #nameEnd = columns.u32();
  readonly #linkEnd = columns.u32();
  readonly #type = columns.u8();
  readonly #mode = columns.u16();
  readonly #uid = columns.u32();
  readonly #gid = columns.u32();
  readonly #mtime = columns.f64();
  readonly #size = columns.f64();
  readonly #devices = new Map<number, readonly [number, number]>();
  readonly #xattrs = new Map<number, ReadonlyMap<ByteString, Buffer>>();
  /** Sets that are alike are kept once: a labelled layer has one or two over all its files. */
  readonly #knownXattrs = new Map<string, ReadonlyMap<ByteString, Buffer>>();

  constructor(budget: LayerBudget) {
    this.#budget = budget;
  }

  /** Entries so far. */
  get length(): number {
    return this.#type.length;
  }

  /** @throws LongshoreError `ERR_LAYER_PATH`, `ERR_LIMIT_ENTRIES`, `ERR_LIMIT_NAMES` */
  add(entry: TarEntry): void {
    const path = cleanPath(entry.path);
    const link = entry.type === 'hardlink' ? cleanPath(entry.linkPath) : entry.linkPath;
    this.#budget.addEntries(1);
    this.#budget.addNames(path.length + link.length);
    const at = this.length;
    this.#names.add(path);
    this.#links.add(link);
    this.#nameEnd.push(this.#names.length);
    this.#linkEnd.push(this.#links.length);
    this.#type.push(TYPES.indexOf(entry.type));
    this.#mode.push(entry.mode);
    this.#uid.push(entry.uid);
    this.#gid.push(entry.gid);
    this.#mtime.push(entry.mtime);
    this.#size.push(entry.size);
    if (entry.type.endsWith('device')) {
      this.#devices.set(at, [entry.deviceMajor, entry.deviceMinor]);
    }
    if (entry.xattrs !== undefined) this.#xattrs.set(at, this.#intern(entry.xattrs));
  }

  path(at: number): ByteString {
    return this.#names.text(at === 0 ? 0 : this.#nameEnd.at(at - 1), this.#nameEnd.at(at));
  }

  type(at: number): TarEntryType {
    return TYPES[this.#type.at(at)] ?? 'file';
  }

  size(at: number): number {
    return this.#size.at(at);
  }

  mtime(at: number): number {
    return this.#mtime.at(at);
  }

  linkPath(at: number): ByteString {
    return this.#links.text(at === 0 ? 0 : this.#linkEnd.at(at - 1), this.#linkEnd.at(at));
  }

  info(at: number): InodeInfo {
    const [deviceMajor, deviceMinor] = this.#devices.get(at) ?? [0, 0];
    return {
      type: this.type(at),
      mode: this.#mode.at(at),
      uid: this.#uid.at(at),
      gid: this.#gid.at(at),
      mtime: this.#mtime.at(at),
      size: this.size(at),
      linkPath: this.linkPath(at),
      deviceMajor,
      deviceMinor,
      xattrs: this.#xattrs.get(at),
    };
  }

  #intern(xattrs: ReadonlyMap<ByteString, Buffer>): ReadonlyMap<ByteString, Buffer> {
    const key = JSON.stringify(
      [...xattrs].map(([name, value]) => [name, value.toString('latin1')]),
    );
    const known = this.#knownXattrs.get(key);
    if (known !== undefined) return known;
    this.#budget.addNames(2 * key.length);
    this.#knownXattrs.set(key, xattrs);
    return xattrs;
  }
}
