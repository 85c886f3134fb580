import type { Faults } from '../../packages/longshore/src/serve/index.ts';
import { type ShapedScenario, shaped, smallLayers, twelve } from './realScenarios.ts';

/** A registry that refuses. */
export interface RefusalCase extends ShapedScenario {
  /** Of an earlier pull whose memory of the host is used. */
  readonly earlier?: Faults;
}

type Pulled = Pick<RefusalCase, 'what' | 'layers'>;

const LARGE: Pulled = {
  what: 'twelve layers, 160 MB, 4 MB/s a connection',
  layers: twelve(160),
};
const MEDIUM: Pulled = {
  what: '100 layers of 4 MB, 1 MB/s a connection',
  layers: Array.from({ length: 100 }, () => 4_000_000),
};
const SMALL: Pulled = {
  what: '400 layers of 50 to 850 kB, 1 MB/s a connection',
  layers: smallLayers(400),
};

const FREE = shaped(1, undefined);

const aboveFlows = (each: number, above: number): Faults =>
  shaped(each, undefined, { crowd: { above, effect: 429 }, retryAfter: 1 });

const refusing = (on: { abovePerSecond: number } | { probability: number }): Faults => ({
  rules: [...(FREE.rules ?? []), { on: { kind: 'blob', ...on }, status: 429 }],
});

function refusalCase(
  pulled: Pulled,
  own: Pick<RefusalCase, 'name' | 'faults' | 'later' | 'earlier'>,
): RefusalCase {
  return { stage: 'embedded', bound: 300, ...pulled, ...own };
}

const atOnce = [1, 2, 3, 4, 8, 16, 32].map((above) =>
  refusalCase(LARGE, {
    name: `${above} flows, from the beginning`,
    faults: aboveFlows(4, above),
  }),
);

const inTheMiddle = [4, 8, 16, 32].map((above) =>
  refusalCase(MEDIUM, {
    name: `${above} flows, after 3 s`,
    faults: FREE,
    later: { seconds: 3, faults: aboveFlows(1, above) },
  }),
);

const remembered = [8, 16].map((above) =>
  refusalCase(MEDIUM, {
    name: `${above} flows, after a pull without a limit`,
    earlier: FREE,
    faults: aboveFlows(1, above),
  }),
);

const rates = [3, 10].map((abovePerSecond) =>
  refusalCase(MEDIUM, {
    name: `${abovePerSecond} requests a second, after 3 s`,
    faults: FREE,
    later: { seconds: 3, faults: refusing({ abovePerSecond }) },
  }),
);

const nowAndThen = [0, 0.02, 0.1].map((probability) =>
  refusalCase(SMALL, {
    name: `${100 * probability} % of the requests`,
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
