import type { Analysis } from '../analyse.ts';
import { isChoice } from '../arms.ts';
import type { Fits, ModelName } from '../fits.ts';
import type { ParityTest } from '../parity.ts';
import type { Estimate } from '../stats/intervals.ts';
import type { SweepParity, SweepReading } from '../sweep.ts';
import {
  countOf,
  formatBytes,
  formatPlain,
  formatProbability,
  formatRange,
  formatSeconds,
  nounOf,
} from './format.ts';

/** The findings as sentences, the answer first. */
export function findings(analysis: Analysis): readonly string[] {
  const { sweep, blocks, fits, parity, order, noise } = analysis;
  return [
    ...answer(analysis),
    ...(sweep !== undefined && blocks <= 1 ? sweepFindings(sweep) : []),
    ...baseFindings(analysis),
    ...boundFindings(analysis),
    ...autoFindings(analysis),
    ...(parity === undefined ? [] : [parityFinding(parity)]),
    ...(order === undefined
      ? []
      : [
          `Order: ${shift(order.drift)} from the first run to the last; even places over odd ones ${shift(order.alternation)}.`,
        ]),
    ...(noise === undefined
      ? []
      : [
          `Noise floor: ${countOf(noise.arm, analysis.verb)} measured twice, second over first ${shift(noise.ratio)}; a single run varies by ${(noise.variation * 100).toFixed(1)} %.`,
        ]),
    ...(fits === undefined ? [] : [fitFinding(fits)]),
  ];
}

function answer({ recommendation, arms, blocks, verb }: Analysis): string[] {
  if (recommendation === undefined) return [];
  const { workers, atMost, certain, winShares, alike } = recommendation;
  const noun = nounOf(verb);
  const time = arms.find(({ arm }) => arm.id === String(workers))?.time;
  const share = Math.round((winShares.get(String(workers)) ?? 0) * 100);
  const percent = ((atMost - 1) * 100).toFixed(1);
  const slower = Number.isFinite(atMost)
    ? `at most ${percent} % slower than any other width, with 95 % confidence`
    : 'not compared with all other widths';
  const took = time === undefined ? '' : ` (${formatSeconds(time.value)})`;
  if (certain) {
    return [
      `Use ${countOf(workers, verb)}${took}: the fewest that are surely within 5 % of the best: ${slower}, over ${blocks} blocks. Drawn anew, ${share} % of the samples of blocks choose that width.`,
    ];
  }
  return [
    `Use ${countOf(workers, verb)}${took} for now: on average the fewest within 5 % of the fastest. Not certain after ${blocks} blocks: ${alikeText(alike, noun)}; ${workers} is ${slower}.`,
  ];
}

/** What is still in the running, so that an answer that is not certain can be used. */
function alikeText(alike: readonly number[], noun: string): string {
  if (alike.length < 2) return 'the fastest stands out, but its lead is not sure';
  const which = `${alike.slice(0, -1).join(', ')} and ${alike.at(-1)}`;
  return `${which} ${noun} are within noise of the fastest, and ${alike[0]} asks least of the registry`;
}

function baseFindings({ base, recommendation, arms, verb }: Analysis): string[] {
  if (base === undefined || recommendation === undefined) return [];
  const chosen = arms.find(({ arm }) => arm.id === String(recommendation.workers));
  const over = chosen?.overBase;
  if (over === undefined || base === String(recommendation.workers)) return [];
  const gain = { value: 1 / over.value, low: 1 / over.high, high: 1 / over.low };
  const one = verb === 'push' ? 'one pusher' : 'one worker';
  const what = base === 'serial' ? 'the serial base case' : one;
  return [
    `Against ${what} that is ${gain.value.toFixed(2)} x as fast (95 % interval ${gain.low.toFixed(2)} to ${gain.high.toFixed(2)}).`,
  ];
}

function boundFindings({ bound, verb }: Analysis): string[] {
  if (bound === undefined) return [];
  const { largestBytes, bytes, layers, wholeLayerSpeedUp } = bound;
  const which = `Your ${formatBytes(largestBytes)} layer (of ${formatBytes(bytes)} in ${layers})`;
  const most = `${wholeLayerSpeedUp.toFixed(1)} x`;
  return [
    verb === 'push'
      ? `${which} caps any speed-up at ${most}, as every layer goes up whole.`
      : `${which} caps any whole-layer speed-up at ${most}; only splitting layers goes beyond.`,
  ];
}

function autoFindings({ arms }: Analysis): string[] {
  const auto = arms.find(({ arm }) => arm.workers === 'auto');
  return auto?.overBest === undefined
    ? []
    : [`auto: ${formatSeconds(auto.median)}, over the best width ${formatRange(auto.overBest)}.`];
}

function sweepFindings(sweep: SweepReading): string[] {
  const { fastest, smallestWithin, gainOverOne, parity } = sweep;
  const gain =
    gainOverOne === undefined
      ? ''
      : ` One worker took ${Math.round((gainOverOne - 1) * 100)} % longer than the fastest.`;
  const floor = `Floor: ${formatSeconds(fastest.seconds)} (${fastest.workers} workers). ${smallestWithin.workers} workers (${formatSeconds(smallestWithin.seconds)}) are the fewest within 5 % of it: that, and not more, is what the numbers support.${gain}`;
  return [floor, ...(parity === undefined ? [] : sweepParityFindings(parity))];
}

function sweepParityFindings(parity: SweepParity): string[] {
  const { odd, even, permutation, pairs, signFlip, local, beyond } = parity;
  const { difference } = pairs;
  const side = difference.value > 0 ? 'even' : 'odd';
  const flip = signFlip === undefined ? '' : `, sign-flip p = ${formatProbability(signFlip.p)}`;
  const interval = [difference.low, difference.high]
    .map((value) => (difference.value > 0 ? value : -value).toFixed(1))
    .toSorted((a, b) => Number(a) - Number(b));
  return [
    `Odd against even, from 2 workers on: odd ${odd.mean.toFixed(1)} s (${odd.runs} runs), even ${even.mean.toFixed(1)} s (${even.runs}); exact permutation p = ${formatProbability(permutation.p)} over ${permutation.labellings.toLocaleString('en-US')} labellings.`,
    `Neighbours, ${pairs.count} pairs from ${pairs.from} to ${pairs.to}: ${side} takes ${Math.abs(difference.value).toFixed(1)} s longer, 95 % interval ${interval.join(' to ')} s${flip}. ${local.same} of ${local.of} widths stand out from their neighbours that way.`,
    ...(beyond === undefined
      ? []
      : [
          `From ${beyond.from} workers on: mean ${beyond.mean.toFixed(1)} s, standard deviation ${beyond.deviation.toFixed(1)} s.`,
        ]),
  ];
}

function parityFinding({ verdict, ratio, p, widths }: ParityTest): string {
  const where = `odd against even among ${widths[0]} to ${widths.at(-1)} workers`;
  const figures = `even over odd ${formatRange(ratio)}, p = ${formatProbability(p)}`;
  if (verdict === 'effect') return `Parity: ${where} does matter: ${figures}.`;
  if (verdict === 'none') return `Parity: ${where} makes no difference of 2 % or more: ${figures}.`;
  return `Parity: ${where}: cannot tell: ${figures}.`;
}

const MODEL_NAMES: Readonly<Record<ModelName, string>> = {
  constant: 'constant (workers do not matter)',
  'capped-linear': 'capped linear (each worker adds the same, up to a limit)',
  amdahl: "Amdahl's law",
  usl: 'universal scalability law',
};

function fitFinding({ chosen, fits, peak }: Fits): string {
  if (chosen === undefined) {
    const ranked = fits.toSorted((a, b) => a.aicc - b.aicc).slice(0, 2);
    const names = ranked.map(({ model }) => model).join(' and ');
    return `Model: cannot tell; ${names} fit about equally well (AICc within 2).`;
  }
  const fit = fits.find(({ model }) => model === chosen);
  const { rate = 0, cap } = fit?.parameters ?? {};
  const knee = cap === undefined ? '' : `; its knee is at ${(cap / rate).toFixed(1)} workers`;
  const most =
    chosen === 'usl' && peak !== undefined
      ? `; most throughput at ${peak.toFixed(1)} workers, less beyond`
      : '';
  return `Model: ${MODEL_NAMES[chosen]} fits best by AICc${knee}${most}.`;
}

function shift({ value, low, high }: Estimate): string {
  const p = (x: number): string => `${x >= 1 ? '+' : '-'}${Math.abs((x - 1) * 100).toFixed(1)} %`;
  return `${p(value)} (95 % interval ${p(low)} to ${p(high)})`;
}

/** A table of all arms, tab-free, for a terminal. */
export function armTable({ arms, verb }: Analysis): string {
  const rows = arms.map(({ arm, runs, median, overBest, overBase, winShare }) => [
    arm.id,
    String(runs),
    formatSeconds(median),
    overBest === undefined ? '' : formatPlain(overBest),
    overBase === undefined ? '' : formatPlain(overBase),
    winShare === undefined || !isChoice(arm) ? '' : `${Math.round(winShare * 100)} %`,
  ]);
  const table = [
    [nounOf(verb), 'runs', 'median', 'over the best', 'over the base', 'chosen'],
    ...rows,
  ];
  const widths =
    table[0]?.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row
        .map((cell, i) => cell.padStart(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
