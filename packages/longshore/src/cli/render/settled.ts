import type { Met, Settled } from '../../transfer/index.ts';
import { formatCount, formatRate } from './format.ts';

/** What a server did that a run had to work around, in words: `Met at ghcr.io: 3 connections broke`. */
export function metLine({ origin, met }: Settled): string | undefined {
  if (met === undefined) return undefined;
  const told = WORDS_MET.flatMap(([what, tell]) => {
    const count = met[what] ?? 0;
    return count > 0 ? [tell(count)] : [];
  });
  return `Met at ${hostOf(origin)}: ${told.join('; ')}`;
}

const WORDS_MET: readonly (readonly [keyof Met, (count: number) => string])[] = [
  ['rangesRefused', (count) => `${formatCount(count, 'range')} refused, whole blobs fetched`],
  ['rangesIgnored', (count) => `${formatCount(count, 'range')} ignored, whole blobs taken`],
  [
    'rangesWrong',
    (count) => `${formatCount(count, 'range')} answered wrongly, whole blobs fetched`,
  ],
  [
    'addressesRefused',
    (count) => `${count} signed address${count === 1 ? '' : 'es'} refused, asked for anew`,
  ],
  ['refusals', (count) => `${formatCount(count, 'request')} refused for lack of room`],
  [
    'longWaits',
    (count) => `${formatCount(count, 'wait')} of over a minute asked for, cut to a minute`,
  ],
  ['turnedAway', (count) => `${formatCount(count, 'connection')} closed before an answer`],
  ['broken', (count) => `${formatCount(count, 'connection')} broken`],
  ['silent', (count) => `${formatCount(count, 'connection')} replaced that stood still`],
  ['slow', (count) => `${formatCount(count, 'connection')} replaced that crawled`],
];

type Verdict = NonNullable<Settled['verdict']>;

/**
 * How wide a pull settled and what bounds it, with the evidence: `12 connections to ghcr.io, 180 MB/s;
 * bound by the link (18 gave 1% more than 12)`. `undefined` where the user had set the width.
 */
export function settledLine({
  origin,
  verdict,
  width: uploads,
  reason,
}: Settled): string | undefined {
  if (reason !== undefined) {
    return `Settled at ${formatCount(uploads, 'upload')} to ${origin} at once: ${reason}`;
  }
  if (verdict === undefined) return undefined;
  const width = formatCount(verdict.width, 'connection');
  const evidence = evidenceOf(verdict);
  const why = evidence === undefined ? '' : ` (${evidence})`;
  return `Settled at ${width} to ${hostOf(origin)}, ${formatRate(verdict.bytesPerSecond)}; bound by ${WORDS[verdict.bound]}${why}`;
}

const WORDS: Readonly<Record<Verdict['bound'], string>> = {
  link: 'the link',
  server: 'the server',
  'per-connection cap': 'a cap on each connection',
  'cpu: hash': 'this CPU: hashing and copying',
  disk: 'the disk',
  'rate limit': 'the rate limit of the registry',
  'limit-rate': '--limit-rate',
  'too little work': 'too little work to go wider',
};

function evidenceOf({
  bound,
  evidence,
  bytesPerSecondPerFlow,
  seconds,
}: Verdict): string | undefined {
  switch (bound) {
    case 'cpu: hash':
      return `busy ${percent(evidence.cpuPart)} of the time`;
    case 'disk':
      return `writes waited for ${percent(evidence.diskPart)} of the time`;
    case 'limit-rate':
      return `it held ${percent(evidence.limitPart)} of the time`;
    case 'rate limit':
      return `${formatCount(evidence.refusals, 'refusal')}, ${evidence.paced ? 'requests spaced out' : `at most ${evidence.ceiling ?? 1} at once`}`;
    case 'per-connection cap':
      return `${formatRate(bytesPerSecondPerFlow)} each`;
    case 'too little work':
      return seconds < 1
        ? 'over in less than a second'
        : `${percent(evidence.idlePart)} of the time nothing was left to start`;
    case 'server':
      return evidence.breaks > 0
        ? `${formatCount(evidence.breaks, 'connection')} broke`
        : gain(evidence.above);
    case 'link':
      return gain(evidence.above ?? evidence.below);
  }
}

/** What the wider of two widths brought, over the narrower. */
function gain(seen: Verdict['evidence']['above']): string | undefined {
  if (seen === undefined) return undefined;
  const more = Math.round(((seen.high / seen.low) ** seen.value - 1) * 100);
  return `${seen.high} gave ${Math.abs(more)}% ${more < 0 ? 'less' : 'more'} than ${seen.low}`;
}

function percent(part: number): string {
  return `${Math.round(part * 100)}%`;
}

function hostOf(origin: string): string {
  return origin.replace(/^https?:\/\//, '');
}
