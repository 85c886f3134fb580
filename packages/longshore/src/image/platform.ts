import { LongshoreError } from '../errors.ts';

/** Operating system and CPU in Go's words, as image indexes carry them. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** `v7`, `v8`, ...: the CPU generation within the architecture. */
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}

const WORD = /^[a-z0-9][a-z0-9_.-]*$/;

const ARCHITECTURES: Readonly<Record<string, readonly [string, string?]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  i386: ['386'],
};

/**
 * Reads `os/arch[/variant]`, with the aliases that containerd accepts (`x86_64`, `aarch64`, ...).
 * A single word is taken as the architecture when it is a known one, on Linux.
 * @throws LongshoreError `ERR_PLATFORM_INVALID`
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  const [first = '', second, third] = parts;
  const valid = parts.length <= 3 && parts.every((part) => WORD.test(part));
  if (valid && second !== undefined) return normalisePlatform(first, second, third);
  if (valid && (first in ARCHITECTURES || KNOWN_ARCHITECTURES.has(first))) {
    return normalisePlatform('linux', first);
  }
  throw new LongshoreError(`Not a platform: ${JSON.stringify(text)}`, {
    code: 'ERR_PLATFORM_INVALID',
    origin: 'input',
    hint: 'Write OS/ARCH or OS/ARCH/VARIANT, for example linux/amd64 or linux/arm/v7',
  });
}

const KNOWN_ARCHITECTURES = new Set(
  'amd64 arm64 arm 386 ppc64le s390x riscv64 loong64 mips64le mips64'.split(' '),
);

/** Defaults are made explicit, so that equal platforms compare equal: `arm` is v7, `arm64` is v8. */
export function normalisePlatform(os: string, architecture: string, variant?: string): Platform {
  const [name, implied] = ARCHITECTURES[architecture] ?? [architecture];
  const wanted = variant === undefined || variant === '' ? implied : variant;
  const generation = canonicalVariant(name, wanted);
  const system = os === 'macos' ? 'darwin' : os;
  return {
    os: system,
    architecture: name,
    ...(generation === undefined ? {} : { variant: generation }),
  };
}

function canonicalVariant(architecture: string, variant: string | undefined): string | undefined {
  const numbered = variant !== undefined && /^\d/.test(variant) ? `v${variant}` : variant;
  if (architecture === 'arm') return numbered ?? 'v7';
  if (architecture === 'arm64')
    return numbered === 'v8' || numbered === 'v8.0' ? undefined : numbered;
  if (architecture === 'amd64') return numbered === 'v1' ? undefined : numbered;
  return numbered;
}

export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

const NODE_ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
};

/**
 * The platform whose images run on a machine, from `process.platform` and `process.arch`.
 * Containers are Linux containers on every system but Windows.
 */
export function platformOf(nodePlatform: string, nodeArch: string): Platform {
  const os = nodePlatform === 'win32' ? 'windows' : 'linux';
  return normalisePlatform(os, NODE_ARCHITECTURES[nodeArch] ?? nodeArch);
}

/**
 * What runs on `wanted`, best first, as containerd's `platforms.Only` orders it: the exact
 * variant, then older generations, then for arm64 the 32-bit arm ones and for amd64 the 386.
 */
export function compatiblePlatforms(wanted: Platform): readonly Platform[] {
  const of = (architecture: string, variant?: string): Platform =>
    normalisePlatform(wanted.os, architecture, variant);
  const older = (prefix: string, from: number, to: number): Platform[] =>
    Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => of(prefix, `v${from - i}`));
  const level = Number.parseInt(wanted.variant?.slice(1) ?? '', 10);

  switch (wanted.architecture) {
    case 'arm':
      return [wanted, ...older('arm', Math.min(level || 7, 8) - 1, 5)];
    case 'arm64':
      return [
        wanted,
        ...olderArm64(wanted).map((variant) => of('arm64', variant)),
        ...older('arm', 8, 5),
      ];
    case 'amd64':
      return [wanted, ...older('amd64', (level || 1) - 1, 1), of('386')];
    default:
      return [wanted];
  }
}

/** `v9.2` runs `v9.1`, `v9`, and then all of v8; `v8.3` runs `v8.2` down to `v8`. */
function olderArm64(wanted: Platform): string[] {
  const match = /^v([89])(?:\.(\d+))?$/.exec(wanted.variant ?? 'v8');
  if (match === null) return ['v8'];
  const [, major, minor = '0'] = match;
  const down = (m: string, from: number): string[] =>
    Array.from({ length: from + 1 }, (_, i) => (from === i ? `v${m}` : `v${m}.${from - i}`));
  const sameMajor = down(String(major), Number(minor)).slice(1);
  return major === '9' ? [...sameMajor, ...down('8', Number(minor) + 5)] : sameMajor;
}

/** Whether two platforms name the same system, after defaults are made explicit. */
export function samePlatform(a: Platform, b: Platform): boolean {
  return key(a) === key(b);
}

function key(platform: Platform): string {
  return formatPlatform(normalisePlatform(platform.os, platform.architecture, platform.variant));
}

/**
 * The entry of an index to run on `wanted`, or `undefined` where none fits. Of entries that fit
 * equally well the first wins. Entries of unknown platform (attestations) are never chosen.
 */
export function selectPlatform<T extends { readonly platform?: Platform }>(
  entries: readonly T[],
  wanted: Platform,
): T | undefined {
  for (const candidate of compatiblePlatforms(wanted)) {
    const found = entries.find(
      (entry) => entry.platform !== undefined && samePlatform(entry.platform, candidate),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}
