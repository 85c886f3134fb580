import { type HolderIdentity, holderFields, readHolder } from '../holder.ts';

/** What a lease file says. */
export interface LeaseRecord {
  /** Random; names this lease among all others, and the ingest folder that belongs to it. */
  readonly token: string;
  readonly holder: HolderIdentity;
  /** True when its holder has let go. */
  readonly free: boolean;
  /** Counts up while the holder lives. */
  readonly beat: number;
}

const TOKEN = /^[0-9a-f]{16}$/;
const PULSE = /^(held|free) (\d{12})$/;

export function isLeaseToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The first line of a lease file, which never changes. */
export function formatLeaseHead(token: string, holder: HolderIdentity): string {
  return `${JSON.stringify({ version: 1, token, ...holderFields(holder) })}\n`;
}

/** The second line, of one length always, so that it is overwritten in place. */
export function formatLeasePulse(state: 'held' | 'free', beat: number): string {
  return `${state} ${String(beat).padStart(12, '0')}\n`;
}

/** Reads a lease file; `undefined` when it is not (yet) whole. */
export function parseLease(text: string): LeaseRecord | undefined {
  const [head = '', pulse = '', rest] = text.split('\n');
  const match = PULSE.exec(pulse);
  if (match === null || rest !== '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(head);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const { version, token } = fields;
  if (version !== 1 || typeof token !== 'string' || !isLeaseToken(token)) return undefined;
  const holder = readHolder(fields);
  if (holder === undefined) return undefined;
  return { token, holder, free: match[1] === 'free', beat: Number(match[2]) };
}

/**
 * A gap between two looks counts for at most this much: an observer that was stopped itself has not
 * seen the holder silent in that time.
 */
const MAX_COUNTED_GAP_MS = 1000;

/** Judges by looking again and again whether a lease is still alive, by the observer's clock alone. */
export class LeaseWatch {
  readonly #staleMs: number;
  #lastText: string | undefined;
  #lastLookMs = 0;
  #silentMs = 0;

  constructor(staleMs: number) {
    this.#staleMs = staleMs;
  }

  /** @returns true once the same content has been seen for the whole time */
  isSilent(text: string, nowMs: number): boolean {
    if (text === this.#lastText) {
      this.#silentMs += Math.min(Math.max(nowMs - this.#lastLookMs, 0), MAX_COUNTED_GAP_MS);
    } else {
      this.#lastText = text;
      this.#silentMs = 0;
    }
    this.#lastLookMs = nowMs;
    return this.#silentMs >= this.#staleMs;
  }
}
