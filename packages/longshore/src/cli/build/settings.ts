import type { CommandContext } from '../commands/context.ts';
import type { OptionName } from '../settings/options.ts';
import type { Settings } from '../settings/resolve.ts';

/** What a run keeps of the command line that began it, so that taking it up needs none of it again. */
const KEPT: readonly OptionName[] = [
  'builders',
  'pushers',
  'chunk-size',
  'max-unpushed',
  'fail-fast',
  'mirror',
  'insecure',
  'ca',
  'cert',
  'key',
];

/** The settings that are written into a run's plan. */
export function keptSettings(settings: Settings): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    KEPT.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]])),
  );
}

/**
 * The context in which a run is taken up: as it was begun, but for what is said anew.
 * @param kept read back from the plan that {@link keptSettings} went into
 */
export function withKept(
  context: CommandContext,
  kept: Readonly<Record<string, unknown>>,
): CommandContext {
  const old = Object.fromEntries(KEPT.map((name) => [name, kept[name]]));
  const said = Object.fromEntries(
    Object.entries(context.settings).filter(([, value]) => value !== undefined),
  );
  // The plan is this program's own, and of this version.
  const settings = { ...context.settings, ...old, ...said } as Settings;
  return { ...context, settings };
}
