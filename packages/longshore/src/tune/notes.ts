import type { Analysis } from './analyse.ts';
import { countOf } from './report/format.ts';
import type { TuneResults } from './types.ts';

/** Something to know before the numbers are believed. */
export interface Note {
  readonly kind:
    | 'too-small'
    | 'few-blocks'
    | 'uncertain'
    | 'one-run-each'
    | 'parity-is-order'
    | 'drift'
    | 'alternation'
    | 'cached'
    | 'warming'
    | 'throttled'
    | 'failed'
    | 'twin'
    | 'cpu-bound'
    | 'dropped'
    | 'left';
  readonly text: string;
}

/** Shorter than this, requests and process noise drown what workers do. */
const MIN_SECONDS = 0.25;
/** The first pull of all may be this much slower than later ones before it says that something warms up. */
const WARMING = 1.3;

/** What the data warn of. Pure. */
export function findNotes(
  results: TuneResults,
  analysis: Omit<Analysis, 'notes'>,
): readonly Note[] {
  return [
    ...designNotes(results, analysis),
    ...sizeNotes(analysis),
    ...orderNotes(analysis),
    ...runNotes(results),
    ...leftNotes(results),
    ...cacheNotes(results, analysis),
    ...cpuNotes(results),
  ];
}

function designNotes(results: TuneResults, analysis: Omit<Analysis, 'notes'>): Note[] {
  const notes: Note[] = [];
  const { design } = results;
  const { sweep, recommendation, blocks } = analysis;
  if (sweep !== undefined && blocks <= 1) {
    const text =
      'One run for each width tells nothing about noise: any difference may be the luck of a run';
    notes.push({ kind: 'one-run-each', text });
  } else if (recommendation === undefined) {
    notes.push({
      kind: 'few-blocks',
      text: `Nothing is recommended from ${blocks} whole block${blocks === 1 ? '' : 's'}; it takes 4 at least, and two counts to compare${hintFor(results)}`,
    });
  } else if (!recommendation.certain) {
    notes.push({
      kind: 'uncertain',
      text: `Cannot tell for sure: no width is surely within 5 % of the best. More blocks would help${hintFor(results)}; so would a quieter machine`,
    });
  }
  if (sweep !== undefined && design !== 'blocks' && sweep.parityFollowsOrder >= 0.8 * sweep.runs) {
    notes.push({
      kind: 'parity-is-order',
      text: `In ${sweep.parityFollowsOrder} of ${sweep.runs} runs an odd count stands at an odd place of the sequence (or always at an even one): what alternates from run to run looks just like odd against even, and these data cannot tell the two apart`,
    });
  }
  return notes;
}

/** How to get more, where the time was up or somebody stopped it. */
function hintFor({ stopped }: TuneResults): string {
  if (stopped === 'budget') return ' (--resume with the same --out goes on for another --budget)';
  return stopped === 'interrupted' ? ' (--resume with the same --out goes on)' : '';
}

function sizeNotes({ arms, noise, verb }: Omit<Analysis, 'notes'>): Note[] {
  const notes: Note[] = [];
  if (arms.length === 0) return notes;
  const what = verb === 'push' ? 'push' : 'pull';
  const fastest = Math.min(...arms.map(({ median }) => median));
  if (fastest < MIN_SECONDS) {
    const shown = fastest.toFixed(3);
    notes.push({
      kind: 'too-small',
      text: `Too small to tell: the fastest ${what} took ${shown} s, mostly requests and not bytes; name a larger image, or several`,
    });
  }
  if (noise !== undefined && (noise.ratio.low > 1 || noise.ratio.high < 1)) {
    notes.push({
      kind: 'twin',
      text: `Runs with ${countOf(noise.arm, verb)}, made twice in each block, differ by more than chance explains (one experiment in twenty does so without a cause): be careful with small differences`,
    });
  }
  return notes;
}

function orderNotes({ order, blocks }: Omit<Analysis, 'notes'>): Note[] {
  if (order === undefined || blocks < 2) return [];
  const notes: Note[] = [];
  const { drift, alternation } = order;
  if (drift.low > 1 || drift.high < 1) {
    notes.push({
      kind: 'drift',
      text: `Runs became ${percent(drift.value)} over the experiment; the blocks keep that out of the comparison`,
    });
  }
  if (alternation.low > 1 || alternation.high < 1) {
    notes.push({
      kind: 'alternation',
      text: `Runs at even places were ${percent(alternation.value)}: something alternates from run to run, and a rising sweep would have blamed the parity of the worker count`,
    });
  }
  return notes;
}

function percent(ratio: number): string {
  const size = `${Math.abs((ratio - 1) * 100).toFixed(1)} %`;
  return ratio > 1 ? `${size} slower` : `${size} faster`;
}

/** Repositories that are named one by one; more are counted. */
const NAMED = 3;

function leftNotes({ runs }: TuneResults): Note[] {
  const left = runs.flatMap((run) => run.left ?? []);
  if (left.length === 0) return [];
  const named = left.slice(0, NAMED).join(', ');
  const more = left.length > NAMED ? ` and ${left.length - NAMED} more of that name` : '';
  return [
    {
      kind: 'left',
      text: `The registry does not let manifests be deleted: what was pushed stays in ${named}${more}, until whoever runs it removes it`,
    },
  ];
}

function runNotes({ runs, voidBlocks, dropped }: TuneResults): Note[] {
  const notes: Note[] = [];
  for (const state of ['throttled', 'failed'] as const) {
    const bad = runs.filter((run) => run.state === state);
    if (bad.length === 0) continue;
    const arms = sorted([...new Set(bad.map(({ arm }) => arm))]).join(', ');
    const how = state === 'throttled' ? 'were throttled by the registry' : 'failed';
    const said = bad.at(-1)?.problem;
    const last = said === undefined ? '' : `; the last: ${said}`;
    notes.push({
      kind: state,
      text: `${bad.length} of the runs ${how} (arms: ${arms}${last}); none of them counts, and ${voidBlocks.length} blocks were void`,
    });
  }
  for (const why of new Set(dropped.map((one) => one.why))) {
    const arms = dropped.filter((one) => one.why === why).map(({ arm }) => arm);
    const what = arms.length === 1 ? `Arm ${arms[0]} was` : `Arms ${sorted(arms).join(', ')} were`;
    notes.push({ kind: 'dropped', text: `${what} given up: ${why}` });
  }
  return notes;
}

/** Counts by size, as people read them. */
function sorted(arms: readonly string[]): string[] {
  return arms.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

function cachedText(verb: TuneResults['verb'], cached: number): string {
  return verb === 'push'
    ? `In ${cached} of the runs the registry had blobs before they were sent, though the repository was new: it shares content between repositories, and those runs do not count`
    : `${cached} of the runs fetched fewer bytes than the image has: something keeps content across runs, and those runs do not count`;
}

function cacheNotes({ runs, arms, verb }: TuneResults, analysis: Omit<Analysis, 'notes'>): Note[] {
  const notes: Note[] = [];
  const cached = runs.filter(({ state }) => state === 'cached').length;
  if (cached > 0) {
    notes.push({
      kind: 'cached',
      text: cachedText(verb, cached),
    });
  }
  const first = runs.find(({ state }) => state === 'warm-up');
  const same = runs.filter(({ arm, state }) => state === 'ok' && arm === first?.arm);
  const slowest = Math.max(...same.map(({ seconds }) => seconds));
  if (first !== undefined && same.length >= 3 && first.seconds > WARMING * slowest) {
    const known = arms.find(({ id }) => id === first.arm)?.id ?? first.arm;
    const median = analysis.arms.find(({ arm }) => arm.id === known)?.median ?? slowest;
    notes.push({
      kind: 'warming',
      text: `The discarded first run took ${first.seconds.toFixed(2)} s and later ones ${median.toFixed(2)} s: something on the way (registry, proxy, disk) caches across runs; what was compared is the warm speed`,
    });
  }
  return notes;
}

/** Share of one core above which this process, and not the link, may be the limit. */
const BUSY = 0.9;

function cpuNotes({ runs }: TuneResults): Note[] {
  const counted = runs.filter(
    ({ state, cpuSeconds }) => state === 'ok' && cpuSeconds !== undefined,
  );
  const busy = counted.filter(({ cpuSeconds = 0, seconds }) => cpuSeconds > BUSY * seconds);
  if (counted.length === 0 || busy.length < counted.length / 2) return [];
  return [
    {
      kind: 'cpu-bound',
      text: `In ${busy.length} of ${counted.length} runs this process kept a processor busy: the machine, not the registry, may be what limits it`,
    },
  ];
}
