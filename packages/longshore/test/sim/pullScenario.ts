import { pick, type Random } from './random.ts';
import type { WorkloadKind } from './workload.ts';

/** How a registry behaves once more than `limit` flows are open. */
export type ServerModel =
  | { readonly kind: 'willing' }
  /** Flows beyond the limit wait without a byte. */
  | { readonly kind: 'queue'; readonly limit: number }
  /** Everything slows down, as (limit / flows) to the power of `steepness`. */
  | { readonly kind: 'collapse'; readonly limit: number; readonly steepness: number }
  /** 429 with Retry-After, from a time on. @defaultValue from the beginning */
  | {
      readonly kind: '429';
      readonly limit: number;
      readonly retryAfterSeconds: number;
      readonly from?: number;
    }
  /** 429 for that part of all requests, whatever is open: it is short of room because of others. */
  | { readonly kind: '429 at times'; readonly share: number }
  /** 429 for every request beyond a rate, from a time on. @defaultValue from the beginning */
  | {
      readonly kind: '429 rate';
      readonly perSecond: number;
      readonly burst: number;
      readonly from?: number;
    }
  /** Resets one of the flows beyond the limit now and then. */
  | { readonly kind: 'reset'; readonly limit: number; readonly perSecond: number };

/** Seconds and MB throughout. */
export interface PullScenario {
  readonly name: string;
  readonly rtt: number;
  readonly link: number;
  /** Most that one connection gets. */
  readonly perConnection: number;
  /** Spread of that cap from connection to connection (sigma of its logarithm). */
  readonly spread: number;
  /** Processor limit in MB/s, and what each further flow takes off it. */
  readonly cpu?: { readonly limit: number; readonly perFlow: number };
  /** Loss from contention: capacity is divided by 1 + kappa n (n - 1). */
  readonly kappa: number;
  readonly server: ServerModel;
  /** Sigma of the logarithm of the link's rate, and its memory from step to step. */
  readonly noise: number;
  readonly noiseMemory: number;
  /** From a time on, the link has this multiple of its rate. */
  readonly steps: readonly { readonly at: number; readonly factor: number }[];
  /** Time of the server for a request. */
  readonly request: number;
  readonly work: WorkloadKind;
  readonly scale: number;
}

const PLAIN: Omit<PullScenario, 'name' | 'rtt' | 'link' | 'perConnection' | 'work'> = {
  spread: 0.15,
  kappa: 0,
  server: { kind: 'willing' },
  noise: 0.08,
  noiseMemory: 0.95,
  steps: [],
  request: 0.02,
  scale: 1,
};
const FREE = 1e9;

/** The named matrix: the gates of issue 4 hold for each of these. */
export const PULL_SCENARIOS: readonly PullScenario[] = [
  { ...PLAIN, name: 'link 100', rtt: 0.02, link: 100, perConnection: 25, work: 'fleet' },
  {
    ...PLAIN,
    name: 'home link 12',
    rtt: 0.03,
    link: 12,
    perConnection: FREE,
    noise: 0.1,
    work: 'fleet',
    scale: 0.25,
  },
  {
    ...PLAIN,
    name: 'LAN, cpu 300',
    rtt: 0.001,
    link: 1000,
    perConnection: 400,
    cpu: { limit: 300, perFlow: 0.01 },
    noise: 0.05,
    work: 'large',
  },
  {
    ...PLAIN,
    name: 'WAN 150 ms, 3 each',
    rtt: 0.15,
    link: 100,
    perConnection: 3,
    noise: 0.1,
    work: 'fleet',
  },
  {
    ...PLAIN,
    name: 'throttled to 1.5 each',
    rtt: 0.05,
    link: 200,
    perConnection: 1.5,
    noise: 0.05,
    work: 'fleet',
    scale: 0.5,
  },
  {
    ...PLAIN,
    name: 'contention .002',
    rtt: 0.03,
    link: 120,
    perConnection: 20,
    kappa: 0.002,
    work: 'fleet',
  },
  {
    ...PLAIN,
    name: 'server queues above 6',
    rtt: 0.03,
    link: 200,
    perConnection: 10,
    server: { kind: 'queue', limit: 6 },
    noise: 0.05,
    work: 'fleet',
  },
  {
    ...PLAIN,
    name: 'server collapses above 5',
    rtt: 0.03,
    link: 60,
    perConnection: 12,
    server: { kind: 'collapse', limit: 5, steepness: 1.5 },
    noise: 0.05,
    work: 'fleet',
  },
  {
    ...PLAIN,
    name: '429 above 8',
    rtt: 0.03,
    link: 200,
    perConnection: 10,
    server: { kind: '429', limit: 8, retryAfterSeconds: 2 },
    noise: 0.05,
    work: 'fleet',
  },
  {
    ...PLAIN,
    name: 'noise .25',
    rtt: 0.04,
    link: 80,
    perConnection: 10,
    noise: 0.25,
    noiseMemory: 0.97,
    work: 'fleet',
  },
  {
    ...PLAIN,
    name: 'step 100 to 30',
    rtt: 0.03,
    link: 100,
    perConnection: 8,
    steps: [{ at: 15, factor: 0.3 }],
    work: 'fleet',
  },
  {
    ...PLAIN,
    name: 'step 30 to 100',
    rtt: 0.03,
    link: 100,
    perConnection: 8,
    steps: [
      { at: 0, factor: 0.3 },
      { at: 20, factor: 1 },
    ],
    work: 'fleet',
  },
  { ...PLAIN, name: 'one image', rtt: 0.03, link: 50, perConnection: 15, work: 'one image' },
  {
    ...PLAIN,
    name: '1500 small blobs',
    rtt: 0.06,
    link: 100,
    perConnection: 20,
    request: 0.08,
    work: 'small',
  },
];

/** Named cases of issue 4 that have limits of their own. */
export const LAYER_200: PullScenario = {
  ...PLAIN,
  name: 'one layer of 200 MB at 20 each',
  rtt: 0.001,
  link: 1000,
  perConnection: 20,
  spread: 0.02,
  noise: 0.02,
  request: 0.004,
  work: 'layer 200',
};
export const IMAGE_536: PullScenario = {
  ...LAYER_200,
  name: '536 MB at 20 each',
  work: 'image 536',
};

/** A scenario off the named ones, over the axes of the matrix. */
export function drawScenario(name: string, random: Random): PullScenario {
  const link = pick(random, [12, 30, 100, 300, 1000]);
  const perConnection = pick(random, [1.5, 3, 10, 25, FREE]);
  const noise = 0.05 + 0.2 * random() ** 2;
  const at = 10 + 20 * random();
  const work = pick<WorkloadKind>(random, ['fleet', 'fleet', 'one image', 'small', 'large']);
  const reach = Math.min(link, 40 * perConnection);
  return {
    ...PLAIN,
    name,
    rtt: pick(random, [0.001, 0.02, 0.06, 0.15]) * (0.7 + 0.6 * random()),
    link: link * (0.7 + 0.6 * random()),
    perConnection: perConnection * (0.7 + 0.6 * random()),
    spread: pick(random, [0.15, 0.15, 0.6]),
    ...(random() < 0.25 ? { cpu: { limit: 150 + 300 * random(), perFlow: 0.01 * random() } } : {}),
    kappa: pick(random, [0, 0, 0.0005, 0.002]),
    server: drawServer(random),
    noise,
    noiseMemory: 0.95 + 0.02 * random(),
    steps: random() < 0.25 ? [{ at, factor: pick(random, [0.3, 3.3]) }] : [],
    request: pick(random, [0.005, 0.02, 0.08]),
    work,
    // Ten to eighty seconds of work at what the path can give.
    scale: (reach * (10 + 70 * random())) / SIZE[work],
  };
}

const SIZE: Readonly<Record<WorkloadKind, number>> = {
  fleet: 4200,
  'one image': 1033,
  small: 480,
  large: 9000,
  'layer 200': 200,
  'image 536': 536,
};

function drawServer(random: Random): ServerModel {
  const limit = 3 + Math.floor(14 * random());
  switch (pick(random, ['willing', 'willing', 'willing', 'queue', 'collapse', '429'])) {
    case 'queue':
      return { kind: 'queue', limit };
    case 'collapse':
      return { kind: 'collapse', limit, steepness: 0.7 + random() };
    case '429':
      return { kind: '429', limit, retryAfterSeconds: 2 };
    default:
      return { kind: 'willing' };
  }
}
