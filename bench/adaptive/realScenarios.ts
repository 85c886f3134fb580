import type { Faults } from '../../packages/longshore/src/serve/index.ts';
import { layerSizes } from '../pull/stage.ts';

const MB = 1_000_000;

interface Common {
  readonly name: string;
  /** In words, for the report. */
  readonly what: string;
  readonly layers: readonly number[];
  /** A pull that has not ended by then is stopped: its width is out of the question. Seconds. */
  readonly bound: number;
}

/** Through the shaping of the embedded registry. */
export interface ShapedScenario extends Common {
  readonly stage: 'embedded';
  readonly faults: Faults;
  /** Other limits, so many seconds after a pull has begun. */
  readonly later?: { readonly seconds: number; readonly faults: Faults };
}

/** Through nginx in front of docker-registry. */
export interface NginxScenario extends Common {
  readonly stage: 'nginx';
  readonly bytesPerSecondPerConnection: number;
  readonly mostRequests?: number;
}

export type RealScenario = ShapedScenario | NginxScenario;

/** Caps on each connection and on all of them, and what else is the matter. MB per second. */
export function shaped(
  each: number,
  total: number | undefined,
  more: Pick<Faults, 'crowd' | 'latencyMs' | 'retryAfter'> = {},
): Faults {
  const totals = total === undefined ? {} : { totalBytesPerSecond: total * MB };
  const blobs = { on: { kind: 'blob' }, bytesPerSecond: each * MB, ...totals, ...more } as const;
  return { rules: [blobs] };
}

const far = (latencyMs: number, faults: Faults): Faults => ({ ...faults, latencyMs });
export const twelve = (megabytes: number): readonly number[] => layerSizes(megabytes * MB, 12);
/** Of 50 to 850 kB. */
export const smallLayers = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => 50_000 + ((index * 7919) % 801) * 1000);
const dominant = (megabytes: number): readonly number[] =>
  [0.7 * megabytes, 20, 15, 10, 8, 6, 4, 3, 2, 1, 0.5].map((size) => Math.round(size * MB));

/** Some 5 to 20 s of work each at the best width, slow enough to leave the processors idle. */
export const REAL_SCENARIOS: readonly RealScenario[] = [
  {
    name: 'capped',
    what: '4 MB/s a connection, 40 in all',
    stage: 'embedded',
    layers: twelve(300),
    bound: 35,
    faults: shaped(4, 40),
  },
  {
    name: 'link',
    what: '25 MB/s in all, one connection fills it',
    stage: 'embedded',
    layers: twelve(200),
    bound: 35,
    faults: shaped(1000, 25),
  },
  {
    name: 'far',
    what: '150 ms to an answer, 3 MB/s a connection, 60 in all',
    stage: 'embedded',
    layers: twelve(400),
    bound: 35,
    faults: far(150, shaped(3, 60)),
  },
  {
    name: 'collapse',
    what: '8 MB/s a connection, 40 in all; everybody slower above 6',
    stage: 'embedded',
    layers: twelve(300),
    bound: 40,
    faults: shaped(8, 40, { crowd: { above: 6, effect: 'slow', gamma: 1.5 } }),
  },
  {
    name: 'queue',
    what: '6 MB/s a connection; above 6 they wait',
    stage: 'embedded',
    layers: twelve(250),
    bound: 35,
    faults: shaped(6, undefined, { crowd: { above: 6, effect: 'queue' } }),
  },
  {
    name: '429',
    what: '4 MB/s a connection; 429 above 8, Retry-After 1 s',
    stage: 'embedded',
    layers: twelve(250),
    bound: 40,
    faults: shaped(4, undefined, { crowd: { above: 8, effect: 429 }, retryAfter: 1 }),
  },
  {
    name: 'resets',
    what: '4 MB/s a connection; above 8 they are reset',
    stage: 'embedded',
    layers: twelve(250),
    bound: 40,
    faults: shaped(4, undefined, { crowd: { above: 8, effect: 'reset' } }),
  },
  {
    name: 'dominant',
    what: 'one layer is most of it; 5 MB/s a connection, 40 in all',
    stage: 'embedded',
    layers: dominant(300),
    bound: 35,
    faults: shaped(5, 40),
  },
  {
    name: 'small',
    what: '300 layers of 50 to 850 kB; 60 ms to an answer, 5 MB/s a connection, 60 in all',
    stage: 'embedded',
    layers: smallLayers(300),
    bound: 40,
    faults: far(60, shaped(5, 60)),
  },
  {
    name: 'uneven',
    what: '6 MB/s a connection, 2 for each third request, 0.7 for each fifth; 60 in all',
    stage: 'embedded',
    layers: twelve(300),
    bound: 35,
    faults: {
      rules: [
        { on: { kind: 'blob' }, bytesPerSecond: 6 * MB, totalBytesPerSecond: 60 * MB },
        { on: { kind: 'blob', every: 3 }, bytesPerSecond: 2 * MB },
        { on: { kind: 'blob', every: 5 }, bytesPerSecond: 0.7 * MB },
      ],
    },
  },
  {
    name: 'step down',
    what: '4 MB/s a connection, 45 in all and 15 after 5 s',
    stage: 'embedded',
    layers: twelve(330),
    bound: 45,
    faults: shaped(4, 45),
    later: { seconds: 5, faults: shaped(4, 15) },
  },
  {
    name: 'step up',
    what: '4 MB/s a connection, 12 in all and 60 after 6 s',
    stage: 'embedded',
    layers: twelve(380),
    bound: 45,
    faults: shaped(4, 12),
    later: { seconds: 6, faults: shaped(4, 60) },
  },
  {
    name: 'unshaped',
    what: 'as fast as this machine goes',
    stage: 'embedded',
    layers: twelve(1500),
    bound: 40,
    faults: {},
  },
  {
    name: 'nginx',
    what: 'nginx `limit_rate` 2 MB/s before docker-registry',
    stage: 'nginx',
    layers: twelve(500),
    bound: 18,
    bytesPerSecondPerConnection: 2 * MB,
  },
  {
    name: 'nginx, one layer',
    what: 'nginx `limit_rate` 3 MB/s before docker-registry, one layer of 400 MB',
    stage: 'nginx',
    layers: [400 * MB],
    bound: 18,
    bytesPerSecondPerConnection: 3 * MB,
  },
  {
    name: 'nginx, 429',
    what: 'nginx `limit_rate` 4 MB/s and `limit_conn` 10 (429) before docker-registry',
    stage: 'nginx',
    layers: twelve(350),
    bound: 25,
    bytesPerSecondPerConnection: 4 * MB,
    mostRequests: 10,
  },
];
