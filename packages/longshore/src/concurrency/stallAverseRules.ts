/** Every figure was swept in simulation; see `docs/adaptive.md` and `bench/adaptive`. */
export const STALL_AVERSE_RULES = {
  stallLeastMs: 5_000,
  stallMostMs: 10_000,
  /** As `stallLeastMs`, while a width is tried: to be wrong then costs one upload and a step. */
  trialStallLeastMs: 500,
  /** Then this many times the longest silence that ended by itself is too long, instead of five. */
  trialStallTimes: 3,
  /** After a freeze: so long the short time goes on, and so long nothing is begun. */
  aftermathMs: 3_000,
  settleMs: 250,
  windowLeastMs: 500,
  windowMostMs: 2_000,
  /** A window may end early once so many uploads per slot have ended in it. */
  finishedPerSlot: 2,
  guardMs: 1_000,
  climbWindows: 2,
  worthElasticity: 0.2,
  /** After a gain like this the next step follows without another window. */
  clearElasticity: 0.6,
  /** A gain like this is believed after the first window. */
  plainElasticity: 0.8,
  harmfulElasticity: -0.3,
  coolMs: 15_000,
  longestCoolMs: 120_000,
  /** Refusals and stalls this close together are one event. */
  oneEventMs: 5_000,
  ceilingMs: 120_000,
  mostCeilingDoublings: 4,
  /** A canary that moves sooner after the others were cut shows overload; later, an outage. */
  overloadMs: 5_000,
} as const;

export type StallAverseRules = { readonly [Name in keyof typeof STALL_AVERSE_RULES]: number };
