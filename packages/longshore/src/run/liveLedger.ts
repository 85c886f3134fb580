import type { RunListener } from './events.ts';
import type { Journal } from './journal.ts';
import {
  advance,
  countStates,
  hasEnded,
  type Ledger,
  type LedgerCounts,
  type TargetEntry,
  type Transition,
} from './ledger.ts';

/** A transition without what is the same for all of one target. */
export type Step = Transition extends infer T
  ? T extends unknown
    ? Omit<T, 'at' | 'target'>
    : never
  : never;

export interface LiveLedgerParts {
  readonly journal: Journal;
  readonly now: () => number;
  readonly emit: RunListener;
}

/** The ledger of a run under way: every change is journalled, then told. */
export class LiveLedger {
  readonly #entries: Map<string, TargetEntry>;
  readonly #parts: LiveLedgerParts;

  constructor(start: Ledger, parts: LiveLedgerParts) {
    this.#entries = new Map(start);
    this.#parts = parts;
  }

  get entries(): Ledger {
    return this.#entries;
  }

  get(target: string): TargetEntry | undefined {
    return this.#entries.get(target);
  }

  counts(): LedgerCounts {
    return countStates(this.#entries);
  }

  /** Targets that have not ended. */
  open(): readonly TargetEntry[] {
    return Array.from(this.#entries.values()).filter((entry) => !hasEnded(entry));
  }

  /** Changes a target's state; once this resolves, what follows from it may be done. */
  async move(target: string, step: Step): Promise<void> {
    const entry = this.#entries.get(target);
    if (entry === undefined) return;
    const transition: Transition = { at: this.#parts.now(), target, ...step };
    // At once, so that nothing is begun twice while the line is synced.
    this.#entries.set(target, advance(entry, transition));
    await this.#parts.journal.write(transition);
    this.#parts.emit({ type: 'target.state', ...transition });
  }
}
