import { LongshoreError } from '../errors.ts';
import { type Random, shuffled } from './random.ts';
import type { Arm } from './types.ts';

/** Dense where a knee usually is, sparse where curves are flat. */
export const PULL_LADDER: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
/** Registries bear fewer uploads than downloads; `--pushers auto` goes no higher either. */
export const PUSH_LADDER: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16];
const MAX_WORKERS = 256;
const AGAIN = ' again';

/**
 * Reads `1-30`, `1,2,4,8`, `auto` and mixes of them.
 * @throws LongshoreError `ERR_TUNE_WIDTHS`
 */
export function parseWidths(text: string): { widths: readonly number[]; auto: boolean } {
  const widths = new Set<number>();
  let auto = false;
  for (const part of text.split(',').map((item) => item.trim())) {
    if (part === 'auto') {
      auto = true;
      continue;
    }
    const [, first, last] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? [];
    const from = Number(first);
    const to = Number(last ?? first);
    if (first === undefined || from < 1 || to > MAX_WORKERS || from > to) {
      throw new LongshoreError(`${JSON.stringify(part)} is no worker count and no range of them`, {
        code: 'ERR_TUNE_WIDTHS',
        origin: 'input',
        hint: `Write counts from 1 to ${MAX_WORKERS}, for example 1-30 or 1,2,4,8,auto`,
      });
    }
    for (let width = from; width <= to; width += 1) widths.add(width);
  }
  return { widths: [...widths].toSorted((a, b) => a - b), auto };
}

export interface ArmOptions {
  readonly widths: readonly number[];
  readonly auto: boolean;
  readonly serial: boolean;
  /** Measure one width twice in each block: what differs between the two is noise. */
  readonly twin: boolean;
}

/** The arms of an experiment, in rising order. */
export function makeArms({ widths, auto, serial, twin }: ArmOptions): readonly Arm[] {
  const arms: Arm[] = [];
  if (serial) arms.push({ id: 'serial', workers: 1, serial: true });
  for (const width of widths) arms.push({ id: String(width), workers: width, serial: false });
  const doubled = twin ? widths[Math.floor((widths.length - 1) / 2)] : undefined;
  if (doubled !== undefined) {
    arms.push({ id: `${doubled}${AGAIN}`, workers: doubled, serial: false });
  }
  if (auto) arms.push({ id: 'auto', workers: 'auto', serial: false });
  return arms;
}

/** True for the second of two equal arms. */
export function isTwin(arm: Pick<Arm, 'id'>): boolean {
  return arm.id.endsWith(AGAIN);
}

/** The arm that a twin repeats. */
export function twinOf(arm: Pick<Arm, 'id'>): string {
  return arm.id.slice(0, -AGAIN.length);
}

/** A width that a person could choose: not `auto`, not serial, not a twin. */
export function isChoice(arm: Arm): arm is Arm & { readonly workers: number } {
  return arm.workers !== 'auto' && !arm.serial && !isTwin(arm);
}

/**
 * The order of one block: every arm once, every order as likely as any other (randomised complete
 * blocks; Fisher 1935), so that whatever changes with time falls on all arms alike.
 */
export function blockOrder(arms: readonly Arm[], random: Random): readonly Arm[] {
  return shuffled(arms, random);
}
