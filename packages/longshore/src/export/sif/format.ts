/** What goes into a SIF beside its partition. */
export interface SifObject {
  readonly type: 'deffile' | 'labels' | 'json';
  /** At most 127 bytes; Apptainer finds the image's config by `oci-config.json`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface SifOptions {
  /** As OCI calls it: `amd64`, `arm64`. */
  readonly architecture: string;
  /** Where the squashfs ends: the file's size before the objects are added. */
  readonly partitionEnd: number;
  readonly objects: readonly SifObject[];
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  /** Seconds since the epoch. */
  readonly createdAt: number;
}

/** Bytes and where in the file they go. */
export interface Placed {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** First page after header and descriptors, where the squashfs is written before they are. */
export const PARTITION_OFFSET = 32_768;

const HEADER_BYTES = 128;
const DESCRIPTORS_OFFSET = 4096;
const DESCRIPTOR_BYTES = 585;
const DESCRIPTOR_COUNT = 48;
const DATA_OFFSET = DESCRIPTORS_OFFSET + DESCRIPTOR_BYTES * DESCRIPTOR_COUNT;

const LAUNCH_SCRIPT = '#!/usr/bin/env run-singularity\n';
const GROUP = 0xf0000001;
const FILE_SYSTEM_SQUASHFS = 1;
const PARTITION_PRIMARY = 2;

const TYPES = { deffile: 0x4001, labels: 0x4003, partition: 0x4004, json: 0x4006 } as const;

const ARCHITECTURES: Readonly<Record<string, string>> = {
  '386': '01',
  amd64: '02',
  arm: '03',
  arm64: '04',
  ppc64: '05',
  ppc64le: '06',
  mips: '07',
  mipsle: '08',
  mips64: '09',
  mips64le: '10',
  s390x: '11',
  riscv64: '12',
  loong64: '13',
};

/** Two digits by which a SIF names an architecture; `00` is "not known". */
export function sifArchitecture(architecture: string): string {
  return ARCHITECTURES[architecture] ?? '00';
}

interface Described {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** Size and the gap before it. */
  readonly sizeWithPadding: number;
  readonly name: string;
  readonly extra: Buffer;
}

/**
 * What turns a file with a squashfs at `PARTITION_OFFSET` into a SIF: the objects behind the
 * squashfs, then descriptors and header before it. Nothing is moved, so an image is written once.
 * Layout: `sif` 2.x of Sylabs and Apptainer, little-endian and packed.
 */
export function finishSif(options: SifOptions): readonly Placed[] {
  const { partitionEnd, objects, architecture } = options;
  if (objects.length + 1 > DESCRIPTOR_COUNT) throw new RangeError('too many objects for a SIF');
  const described: Described[] = [
    {
      type: TYPES.partition,
      offset: PARTITION_OFFSET,
      size: partitionEnd - PARTITION_OFFSET,
      sizeWithPadding: partitionEnd - DATA_OFFSET,
      name: '',
      extra: partitionExtra(architecture),
    },
  ];
  const placed: Placed[] = [];
  let end = partitionEnd;
  for (const { type, name, bytes } of objects) {
    described.push({
      type: TYPES[type],
      offset: end,
      size: bytes.length,
      sizeWithPadding: bytes.length,
      name,
      extra: Buffer.alloc(0),
    });
    placed.push({ offset: end, bytes: Buffer.from(bytes) });
    end += bytes.length;
  }
  return [
    ...placed,
    { offset: DESCRIPTORS_OFFSET, bytes: formatDescriptors(described, options.createdAt) },
    { offset: 0, bytes: formatHeader(options, described.length, end) },
  ];
}

function partitionExtra(architecture: string): Buffer {
  const extra = Buffer.alloc(11);
  extra.writeInt32LE(FILE_SYSTEM_SQUASHFS, 0);
  extra.writeInt32LE(PARTITION_PRIMARY, 4);
  extra.write(sifArchitecture(architecture), 8, 'latin1');
  return extra;
}

function formatHeader(options: SifOptions, used: number, end: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(LAUNCH_SCRIPT, 0, 'latin1');
  header.write('SIF_MAGIC\0', 32, 'latin1');
  header.write('01\0', 42, 'latin1');
  header.write(sifArchitecture(options.architecture), 45, 'latin1');
  header.set(options.uuid.subarray(0, 16), 48);
  const numbers = [
    options.createdAt,
    options.createdAt,
    DESCRIPTOR_COUNT - used,
    DESCRIPTOR_COUNT,
    DESCRIPTORS_OFFSET,
    DESCRIPTOR_BYTES * DESCRIPTOR_COUNT,
    DATA_OFFSET,
    end - DATA_OFFSET,
  ];
  for (const [i, number] of numbers.entries()) header.writeBigInt64LE(BigInt(number), 64 + 8 * i);
  return header;
}

function formatDescriptors(objects: readonly Described[], createdAt: number): Buffer {
  const table = Buffer.alloc(DESCRIPTOR_BYTES * DESCRIPTOR_COUNT);
  for (const [i, object] of objects.entries()) {
    const at = i * DESCRIPTOR_BYTES;
    table.writeInt32LE(object.type, at);
    table.writeUInt8(1, at + 4);
    table.writeUInt32LE(i + 1, at + 5);
    table.writeUInt32LE(GROUP, at + 9);
    const numbers = [object.offset, object.size, object.sizeWithPadding, createdAt, createdAt];
    for (const [k, number] of numbers.entries()) {
      table.writeBigInt64LE(BigInt(number), at + 17 + 8 * k);
    }
    table.write(object.name.slice(0, 127), at + 73, 'latin1');
    table.set(object.extra, at + 201);
  }
  return table;
}
