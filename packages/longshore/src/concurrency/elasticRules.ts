/**
 * The figures of the pull controller. Each was swept in simulation over the named and over random
 * scenarios (`bench/adaptive`); `docs/adaptive.md` says what the ones that matter are good for.
 */
export const ELASTIC_RULES = {
  /** Goodput is measured over so long. */
  windowMs: 400,
  /** Near by, the first flow is looked at for so long, or until no body has come for so long. */
  aloneMs: 40,
  aloneMostMs: 60,
  /** After a doubling, slow start gets so many round trips before goodput counts. */
  rampRtts: 6,
  rampMostMs: 1_500,
  /** After a step up in a probe: flows that made room have to connect anew before their slow start. */
  guardUpRtts: 12,
  guardUpLeastMs: 250,
  guardUpMostMs: 3_000,
  guardDownRtts: 2,
  guardDownLeastMs: 100,
  /** While starting, clear growth is believed after so long. */
  dwellRtts: 2,
  dwellLeastMs: 200,
  /** And near by, where slow start is over in no time and answers take less than twice `nearMs`, after so long. */
  dwellNearMs: 50,
  nearMs: 30,
  slowElasticity: 0.3,
  clearElasticity: 0.6,
  /** Two short looks below this part of the best end the start. */
  fallen: 0.6,
  /** The start settles at the smallest width with this part of the best goodput. */
  keep: 0.9,
  step: 1.5,
  fineStep: 1.25,
  /** Below this width, one step of 1.5 may jump over all that a crowded server gives. */
  few: 6,
  worthElasticity: 0.12,
  confidence: 1,
  /** A loss of this size to the wider width (natural logarithm) is believed after a single pair. */
  plainLoss: 0.3,
  /** Below this elasticity a server is far too crowded: trimming goes on in large steps. */
  steepElasticity: -0.5,
  /** Where fewer flows were missed, so many probes that would have gone down go up. */
  upInstead: 4,
  /** And so long is held before each of those. */
  soonMs: 2_000,
  minPairs: 2,
  maxPairs: 5,
  /** Holds last at least so many guards: far away, probing costs more. */
  holdGuards: 6,
  /** A hold lasts at least so many times as long as the probes before it: they cost, wherever the knee is. */
  holdProbes: 1,
  firstHoldMs: 4_000,
  /** A start that ended at the widest allowed has so long after its ramp to bring this many times more. */
  proveMs: 1_200,
  proven: 1.1,
  longestHoldMs: 20_000,
  holdGrowth: 1.4,
  afterRefusalMs: 4_000,
  /** A memory fits while goodput is this part of what it says, and not as many times more. */
  alikeFrom: 0.5,
  /** The processor is full when it was in every sample for so long, or in this part of the first level's time. */
  busyMs: 250,
  busyPart: 0.75,
  /** A start that a full processor has ended goes on when it was not full for so long. */
  calmMs: 120,
  /** And the start begins anew when the user's limit has not held for so long. */
  liftedMs: 2_000,
  /** Where flows wait for answers for more than this part of their time, fewer are not tried. */
  waitPart: 0.25,
  /** Where they wait for more than this part, the width is stretched to keep as many moving, up to so many times. */
  waitFree: 0.1,
  mostStretch: 3,
  /** A probe whose width is not filled for so long gives the lock back. */
  abandonMs: 8_000,
  /** Below this part of the width in use, goodput says nothing about the width. */
  filled: 0.85,
} as const;

export type ElasticRules = { readonly [Name in keyof typeof ELASTIC_RULES]: number };
