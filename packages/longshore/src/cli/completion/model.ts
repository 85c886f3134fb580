import { COMMANDS, GROUPS } from '../commands/table.ts';
import { optionsOf } from '../program.ts';
import { schemaNames } from '../schemas/names.ts';
import { type OptionName, type OptionSpec, optionSpec } from '../settings/options.ts';

/** What can follow on the command line after some words. */
export interface CompletionNode {
  /** Words after `longshore`: `''`, `cache`, `cache prune`. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
  readonly options: readonly CompletionOption[];
}

export type CompletionOption = OptionSpec & { readonly name: string };

/** Places where a further word narrows the place, each quoted: the top and the groups. */
export function groupPaths(nodes: readonly CompletionNode[]): readonly string[] {
  const groups = nodes.filter(({ path }) => nodes.some((n) => n.path.startsWith(`${path} `)));
  return ['', ...groups.map(({ path }) => path)].map((path) => `'${path}'`);
}

/** Options whose next word is their value, each once. */
export function valuedOptions(nodes: readonly CompletionNode[]): readonly CompletionOption[] {
  const options = nodes.flatMap((node) => node.options).filter(({ kind }) => kind !== 'switch');
  return [...new Map(options.map((option) => [option.name, option])).values()];
}

/** The tree of commands as the shells' scripts need it. */
export function completionModel(): readonly CompletionNode[] {
  const help = { kind: 'switch', name: 'help', help: 'Print help' } as const;
  const groups = Object.entries(GROUPS).map(([name, summary]) => ({
    path: name,
    words: COMMANDS.filter((spec) => spec.name.startsWith(`${name} `)).map((spec) => ({
      word: spec.name.slice(name.length + 1),
      help: spec.summary,
    })),
    options: [help],
    summary,
  }));
  const top = [
    ...COMMANDS.filter((spec) => !spec.name.includes(' ')).map(({ name, summary }) => ({
      word: name,
      help: summary,
    })),
    ...groups.map(({ path, summary }) => ({ word: path, help: summary })),
    { word: 'help', help: 'Print help for a command' },
  ];
  return [
    {
      path: '',
      words: top,
      options: [help, { kind: 'switch', name: 'version', help: 'Print the version' }],
    },
    ...groups.map(({ path, words, options }) => ({ path, words, options })),
    ...COMMANDS.map((spec) => ({
      path: spec.name,
      words: ARGUMENT_WORDS[spec.name]?.map((word) => ({ word, help: '' })) ?? [],
      options: [...optionsOf(spec).map(namedOption), help],
    })),
  ];
}

function namedOption(name: OptionName): CompletionOption {
  return { ...optionSpec(name), name };
}

/** Arguments that are one of a few words. */
const ARGUMENT_WORDS: Readonly<Record<string, readonly string[]>> = {
  completion: ['bash', 'zsh', 'fish'],
  schema: schemaNames,
};
