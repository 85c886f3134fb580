import type { Controller, TimedSample } from './controller.ts';
import type { Admission, Refusals } from './elasticTypes.ts';

/** One upload that is open now. */
export interface UploadState {
  /** Unique among the uploads of the run, and not used again after a retry. */
  readonly id: number;
  /**
   * `body`: bytes are being sent. `commit`: all are sent and the registry checks them, in silence
   * and without a slot; a time limit of its own watches that step.
   */
  readonly step: 'body' | 'commit';
  /**
   * Since the registry acknowledged something (202 with `Range`), or, where it acknowledges
   * nothing, since the socket drained.
   */
  readonly quietMs: number;
  readonly sentBytes: number;
}

/** What the pushes to one registry did since the last sample. */
export interface StallAverseSample extends TimedSample {
  /** Bytes sent and acknowledged, as far as the registry acknowledges. */
  readonly bytes: number;
  readonly uploads: readonly UploadState[];
  /** Uploads that wait for a slot. */
  readonly waiting: number;
  /** Uploads that ended well since the last sample. */
  readonly finished?: number;
  /** 429, 503 and other 5xx. */
  readonly refusals?: Refusals | undefined;
  /** Connections that broke. */
  readonly breaks?: number;
}

/** What is worth remembering about a registry: the width above which it fails, and for how long. */
export interface RememberedCeiling {
  readonly width: number;
  /** How long it holds from now; keep the wall-clock time at which it ends. */
  readonly forMs: number;
  /** How often the registry has failed above it: each time doubles how long it holds. @defaultValue 1 */
  readonly events?: number;
}

export interface StallAverseOptions {
  /** Numbers in [0, 1), seeded: the jitter of waits. */
  readonly random: () => number;
  /** Width before anything is known; found safe by hand. @defaultValue 2 */
  readonly start?: number | undefined;
  /** Never wider than this; 3 for a registry that must not be touched harder. @defaultValue 16 */
  readonly max?: number;
  readonly remembered?: RememberedCeiling | undefined;
}

/** Pushes as wide as a registry bears. Made by `stallAverse()`. */
export interface StallAverseController extends Controller<StallAverseSample> {
  /** Uploads to cut now and to queue again, from the offset the registry acknowledged. */
  readonly cancel: readonly number[];
  /** Uploads that may be open with those in `commit`; `target` counts bodies only. */
  readonly openLimit: number;
  readonly admission: Admission;
  /** A body that is silent for so long while another moves counts as frozen. */
  readonly stallMs: number;
  /** Whether nothing at all moves, and one upload is kept open to see when it does again. */
  readonly outage: boolean;
  /** What to remember for the next run; `undefined` when the registry showed no limit. */
  ceiling(): RememberedCeiling | undefined;
}
