import type { CommandContext } from './commands/context.ts';

/** Which documents of a command are out: none goes out twice, whatever happens after it. */
export interface GivenDocuments {
  printed: boolean;
  reported: boolean;
}

/** Prints what `--json` asks for: on stdout, or on stderr where an archive has stdout to itself. */
export async function printDocument(context: CommandContext, document: unknown): Promise<void> {
  context.given.printed = true;
  const print = await choosePrint(context);
  print(`${JSON.stringify(document, undefined, 2)}\n`);
}

/** Where results of a command are printed to. */
export async function choosePrint(context: CommandContext): Promise<(text: string) => void> {
  const { settings, places, print, complain } = context;
  // A dry run writes no archive.
  if (settings.to === undefined || settings['dry-run'] === true) return print;
  const { isStdoutTaken } = await import('./pull/outputs.ts');
  return (await isStdoutTaken(settings.to, places.cwd)) ? complain : print;
}
