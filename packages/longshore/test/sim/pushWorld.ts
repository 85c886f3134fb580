import { normal, type Random, seededRandom } from './random.ts';

/** How a registry bears uploads above `limit`. */
export type RegistryModel =
  | { readonly kind: 'willing' }
  /** Uploads beyond the limit freeze, each with this chance a second; at once when infinite. */
  | {
      readonly kind: 'freeze';
      readonly limit: number;
      readonly perSecond: number;
      /** A frozen one counts on, until it is cut: then those that come next freeze as well. */
      readonly keepsPlace?: boolean;
    }
  /** Everything slows down, as (limit / uploads) to the power of `steepness`. */
  | { readonly kind: 'collapse'; readonly limit: number; readonly steepness: number }
  /** 429 at the start of an upload. */
  | { readonly kind: '429'; readonly limit: number }
  /** 503 in the middle of one, each beyond the limit with this chance a second. */
  | { readonly kind: '503'; readonly limit: number; readonly perSecond: number };

/** Seconds and MB. */
export interface PushScenario {
  readonly name: string;
  readonly link: number;
  readonly perConnection: number;
  readonly registry: RegistryModel;
  readonly noise: number;
  /** Nothing moves between these times. */
  readonly outage?: readonly [number, number];
  /** Time of the final PUT, and what each MB adds to it. */
  readonly commit: number;
  readonly commitPerMb: number;
  /** Time before the body of an upload: HEAD, POST. */
  readonly setup: number;
  /** Sizes: lognormal with this median, spread 1.1, or all alike. */
  readonly uploads: number;
  readonly median: number;
  readonly spread: number;
}

const PLAIN: Omit<PushScenario, 'name' | 'perConnection' | 'registry'> = {
  link: 40,
  noise: 0.1,
  commit: 0.3,
  commitPerMb: 0,
  setup: 0.05,
  uploads: 60,
  median: 20,
  spread: 1.1,
};
const IMAGES: Omit<PushScenario, 'name' | 'registry'> = {
  ...PLAIN,
  link: 200,
  perConnection: 4,
  commit: 0.02,
  setup: 0.01,
  uploads: 100,
  median: 1,
  spread: 0,
};

/** The eight of the research, which gates G4 are over. */
export const PUSH_SCENARIOS: readonly PushScenario[] = [
  {
    ...PLAIN,
    name: 'freeze above 2',
    perConnection: 20,
    registry: { kind: 'freeze', limit: 2, perSecond: 0.15 },
  },
  {
    ...PLAIN,
    name: 'freeze above 3',
    perConnection: 12,
    registry: { kind: 'freeze', limit: 3, perSecond: 0.05 },
  },
  {
    ...PLAIN,
    name: 'slow above 3',
    perConnection: 15,
    registry: { kind: 'collapse', limit: 3, steepness: 2 },
  },
  {
    ...PLAIN,
    name: '503 above 4',
    perConnection: 8,
    registry: { kind: '503', limit: 4, perSecond: 0.5 },
  },
  { ...PLAIN, name: 'willing, 5 each of 40', perConnection: 5, registry: { kind: 'willing' } },
  {
    ...PLAIN,
    name: 'link 5',
    link: 5,
    perConnection: 1e9,
    uploads: 30,
    registry: { kind: 'willing' },
  },
  {
    ...PLAIN,
    name: 'outage 60 to 100 s',
    perConnection: 15,
    registry: { kind: 'willing' },
    outage: [60, 100],
  },
  {
    ...PLAIN,
    name: 'slow commit',
    perConnection: 15,
    registry: { kind: 'willing' },
    commit: 3,
    commitPerMb: 0.02,
  },
];

/** Issue 5: a hundred images with one small layer each, against the three registries it names. */
export const HUNDRED_IMAGES: readonly PushScenario[] = [
  {
    ...IMAGES,
    name: '100 images, freeze above 3',
    registry: { kind: 'freeze', limit: 3, perSecond: Number.POSITIVE_INFINITY },
  },
  {
    ...IMAGES,
    name: '100 images, freeze above 3 in their places',
    perConnection: 2,
    registry: {
      kind: 'freeze',
      limit: 3,
      perSecond: Number.POSITIVE_INFINITY,
      keepsPlace: true,
    },
  },
  { ...IMAGES, name: '100 images, 429 above 4', registry: { kind: '429', limit: 4 } },
  {
    ...IMAGES,
    name: '100 images, slow above 3',
    registry: { kind: 'collapse', limit: 3, steepness: 2 },
  },
  {
    ...IMAGES,
    name: '100 images of 8 MB, freeze above 3',
    median: 8,
    registry: { kind: 'freeze', limit: 3, perSecond: Number.POSITIVE_INFINITY },
  },
  {
    ...IMAGES,
    name: '100 images of 8 MB, 429 above 4',
    median: 8,
    registry: { kind: '429', limit: 4 },
  },
  {
    ...IMAGES,
    name: '100 images of 8 MB, slow above 3',
    median: 8,
    registry: { kind: 'collapse', limit: 3, steepness: 2 },
  },
];

export interface Job {
  readonly size: number;
  acked: number;
}

export interface Upload {
  readonly id: number;
  readonly job: Job;
  sent: number;
  bodyAt: number;
  movedAt: number;
  frozen: boolean;
  answered: boolean;
  /** When it ends, once it commits. */
  commitUntil: number | undefined;
}

export function drawJobs(scenario: PushScenario, random: Random): Job[] {
  const { uploads, median, spread } = scenario;
  const jobs = Array.from({ length: uploads }, () => ({
    size: Math.min(600, median * Math.exp(spread * normal(random))),
    acked: 0,
  }));
  return jobs.sort((a, b) => b.size - a.size);
}

/** What the network and the registry do with the uploads in one step. */
export class PushWorld {
  readonly scenario: PushScenario;
  readonly random: Random;
  readonly step: number;
  readonly #seen = new Set<number>();
  #noise = 0;

  constructor(scenario: PushScenario, seed: number, step: number) {
    this.scenario = scenario;
    this.random = seededRandom(seed * 977 + 3);
    this.step = step;
  }

  isOut(now: number): boolean {
    const { outage } = this.scenario;
    return outage !== undefined && now > outage[0] && now < outage[1];
  }

  /** Whether the registry takes another upload beside those that send their body. */
  accepts(bodies: number): boolean {
    const { registry } = this.scenario;
    return registry.kind !== '429' || bodies < registry.limit;
  }

  /** Freezes uploads, or names one that gets a 503. */
  disturb(bodies: readonly Upload[]): Upload | undefined {
    const { registry } = this.scenario;
    if (registry.kind !== 'freeze' && registry.kind !== '503') return undefined;
    const thawed = bodies.filter(({ frozen }) => !frozen);
    if (registry.kind === 'freeze' && registry.keepsPlace === true) {
      this.#freezeNew(bodies, registry.limit);
      return undefined;
    }
    const excess = (registry.kind === 'freeze' ? thawed : bodies).length - registry.limit;
    if (excess <= 0) return undefined;
    const chance = 1 - Math.exp(-registry.perSecond * excess * this.step);
    if (this.random() >= chance) return undefined;
    const victim =
      registry.kind === 'freeze' && registry.perSecond === Number.POSITIVE_INFINITY
        ? thawed.at(-1)
        : thawed[Math.floor(this.random() * thawed.length)];
    if (registry.kind === '503') return victim;
    if (victim !== undefined) victim.frozen = true;
    return undefined;
  }

  /** Those that come when the places are taken, by moving or by frozen ones. */
  #freezeNew(bodies: readonly Upload[], limit: number): void {
    for (const [place, upload] of bodies.entries()) {
      if (place >= limit && !this.#seen.has(upload.id)) upload.frozen = true;
      this.#seen.add(upload.id);
    }
  }

  /** Sends bytes of the bodies; returns how many MB. */
  move(bodies: readonly Upload[], now: number): number {
    const { link, perConnection, registry, noise } = this.scenario;
    const keep = 0.97 ** (this.step / 0.1);
    this.#noise = keep * this.#noise + Math.sqrt(1 - keep * keep) * normal(this.random) * noise;
    if (this.isOut(now)) return 0;
    let capacity = link * Math.exp(this.#noise);
    if (registry.kind === 'collapse' && bodies.length > registry.limit) {
      capacity = Math.min(capacity, perConnection * registry.limit);
      capacity *= (registry.limit / bodies.length) ** registry.steepness;
    }
    const moving = bodies.filter((upload) => !upload.frozen && now >= upload.bodyAt);
    const rate = Math.min(perConnection, capacity / Math.max(1, moving.length));
    let moved = 0;
    for (const upload of moving) {
      const bytes = Math.min(rate * this.step, upload.job.size - upload.sent);
      upload.sent += bytes;
      if (bytes > 1e-6) upload.movedAt = now;
      while (upload.sent - upload.job.acked >= 16) upload.job.acked += 16;
      moved += bytes;
    }
    return moved;
  }
}
