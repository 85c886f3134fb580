import type { Faults } from '../../packages/longshore/src/serve/index.ts';
import { layerSizes } from '../pull/stage.ts';
import type { ShapedScenario } from './realScenarios.ts';

const MB = 1_000_000;
const large = layerSizes(160 * MB, 12);
const medium = Array.from({ length: 100 }, () => 4 * MB);
const small = Array.from({ length: 400 }, (_, index) => 50_000 + ((index * 7919) % 801) * 1000);

/** A registry that refuses. */
export interface RefusalCase extends ShapedScenario {
  /** Of an earlier pull whose memory of the host is used. */
  readonly earlier?: Faults;
}

const each = (bytesPerSecond: number): Faults => ({
  rules: [{ on: { kind: 'blob' }, bytesPerSecond }],
});

const FREE = each(MB);

const aboveFlows = (bytesPerSecond: number, above: number): Faults => ({
  rules: [{ on: { kind: 'blob' }, bytesPerSecond, crowd: { above, effect: 429 }, retryAfter: 1 }],
});

const refusing = (on: { abovePerSecond: number } | { probability: number }): Faults => ({
  rules: [
    { on: { kind: 'blob' }, bytesPerSecond: MB },
    { on: { kind: 'blob', ...on }, status: 429 },
  ],
});

function refusalCase(own: Omit<RefusalCase, 'stage' | 'bound'>): RefusalCase {
  return { stage: 'embedded', bound: 300, ...own };
}

const atOnce = [1, 2, 3, 4, 8, 16, 32].map((above) =>
  refusalCase({
    name: `${above} flows, from the beginning`,
    what: 'twelve layers, 160 MB, 4 MB/s a connection',
    layers: large,
    faults: aboveFlows(4 * MB, above),
  }),
);

const inTheMiddle = [4, 8, 16, 32].map((above) =>
  refusalCase({
    name: `${above} flows, after 3 s`,
    what: '100 layers of 4 MB, 1 MB/s a connection',
    layers: medium,
    faults: FREE,
    later: { seconds: 3, faults: aboveFlows(MB, above) },
  }),
);

const remembered = [8, 16].map((above) =>
  refusalCase({
    name: `${above} flows, after a pull without a limit`,
    what: '100 layers of 4 MB, 1 MB/s a connection',
    layers: medium,
    earlier: FREE,
    faults: aboveFlows(MB, above),
  }),
);

const rates = [3, 10].map((abovePerSecond) =>
  refusalCase({
    name: `${abovePerSecond} requests a second, after 3 s`,
    what: '100 layers of 4 MB, 1 MB/s a connection',
    layers: medium,
    faults: FREE,
    later: { seconds: 3, faults: refusing({ abovePerSecond }) },
  }),
);

const nowAndThen = [0, 0.02, 0.1].map((probability) =>
  refusalCase({
    name: `${100 * probability} % of the requests`,
    what: '400 layers of 50 to 850 kB, 1 MB/s a connection',
    layers: small,
    faults: refusing({ probability }),
  }),
);

/** In the order in which they are reported. Limits of flows ask for a rest of one second. */
export const REFUSAL_CASES: readonly RefusalCase[] = [
  ...atOnce,
  ...inTheMiddle,
  ...remembered,
  ...rates,
  ...nowAndThen,
];
