import type { ElasticRules } from './elasticRules.ts';

/** While starting, how long a short look takes; a full processor makes what is near look far. */
export function dwellMs(rules: ElasticRules, rttMs: number, isBusy: boolean): number {
  const isNear = rttMs < rules.nearMs && !isBusy;
  return Math.max(isNear ? rules.dwellNearMs : rules.dwellLeastMs, rules.dwellRtts * rttMs);
}

/** How long new flows ramp up after a doubling. */
export function rampMs(rules: ElasticRules, rttMs: number): number {
  return Math.min(rules.rampMostMs, Math.max(rules.guardUpLeastMs, rules.rampRtts * rttMs));
}

/** How long goodput does not count after a step up in a probe. */
export function guardUpMs(rules: ElasticRules, rttMs: number): number {
  return Math.min(rules.guardUpMostMs, Math.max(rules.guardUpLeastMs, rules.guardUpRtts * rttMs));
}

/** How long goodput does not count after a step down. */
export function guardDownMs(rules: ElasticRules, rttMs: number): number {
  return Math.max(rules.guardDownLeastMs, rules.guardDownRtts * rttMs);
}
