/** Writes tars by hand, also broken ones: independent of the writer under test. */
export interface Header {
  readonly name?: string;
  readonly flag?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly size?: number;
  readonly link?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly prefix?: string;
  readonly magic?: string;
  readonly uname?: string;
  /** Last touch before the checksum is made. */
  readonly patch?: (block: Buffer) => void;
}

export function header(fields: Header): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, at: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), at, digits, 'latin1');
  };
  block.write(fields.name ?? '', 0, 100, 'latin1');
  octal(fields.mode ?? 0o644, 100, 7);
  octal(fields.uid ?? 0, 108, 7);
  octal(fields.gid ?? 0, 116, 7);
  octal(fields.size ?? 0, 124, 11);
  octal(fields.mtime ?? 1_700_000_000, 136, 11);
  block.write(fields.flag ?? '0', 156, 'latin1');
  block.write(fields.link ?? '', 157, 100, 'latin1');
  block.write(fields.magic ?? 'ustar\x0000', 257, 'latin1');
  block.write(fields.uname ?? '', 265, 32, 'latin1');
  octal(fields.major ?? 0, 329, 7);
  octal(fields.minor ?? 0, 337, 7);
  block.write(fields.prefix ?? '', 345, 155, 'latin1');
  fields.patch?.(block);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return block;
}

export function padded(data: Buffer | string): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

export function file(name: string, data: Buffer | string, fields: Header = {}): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
  return Buffer.concat([header({ name, size: bytes.length, ...fields }), padded(bytes)]);
}

export function directory(name: string, fields: Header = {}): Buffer {
  return header({ name, flag: '5', mode: 0o755, ...fields });
}

export function symlink(name: string, link: string, fields: Header = {}): Buffer {
  return header({ name, flag: '2', mode: 0o777, link, ...fields });
}

export function hardlink(name: string, link: string, fields: Header = {}): Buffer {
  return header({ name, flag: '1', link, ...fields });
}

function paxBody(records: readonly (readonly [string, string | Buffer])[]): Buffer {
  return Buffer.concat(
    records.map(([key, value]) => {
      const body = Buffer.concat([
        Buffer.from(` ${key}=`, 'latin1'),
        typeof value === 'string' ? Buffer.from(value, 'latin1') : value,
        Buffer.from('\n'),
      ]);
      let length = body.length;
      while (String(length).length + body.length !== length) {
        length = String(length).length + body.length;
      }
      return Buffer.concat([Buffer.from(String(length)), body]);
    }),
  );
}

export function pax(
  records: readonly (readonly [string, string | Buffer])[],
  flag: 'x' | 'g' = 'x',
): Buffer {
  return file('PaxHeaders/x', paxBody(records), { flag });
}

export function gnuLong(flag: 'L' | 'K', name: string): Buffer {
  return file('././@LongLink', `${name}\0`, { flag, magic: 'ustar  \0' });
}

export const END: Buffer = Buffer.alloc(1024);

export function tar(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, END]);
}

/** Writes a number in base 256, as GNU tar does for what octal cannot hold. */
export function base256(block: Buffer, at: number, length: number, value: bigint): void {
  let rest = BigInt.asUintN(length * 8, value);
  for (let i = length - 1; i >= 0; i--) {
    block[at + i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[at] = (block[at] ?? 0) | 0x80;
}
