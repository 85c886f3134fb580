import { Command, CommanderError, Option } from 'commander';
import { COMMANDS, type CommandSpec, GROUPS } from './commands/table.ts';
import { EXIT } from './exitCodes.ts';
import { usageError } from './failures.ts';
import { GLOBAL_OPTIONS, isOptionName, type OptionName, optionSpec } from './settings/options.ts';
import type { RawValue, RawValues } from './settings/resolve.ts';

/** What the command line asks for. */
export interface Invocation {
  readonly spec: CommandSpec;
  readonly args: readonly string[];
  readonly flags: RawValues;
}

/** The command line asked for text alone (help, version), or was wrong; `text` is what to say. */
export interface Answer {
  readonly exitCode: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** Options that are taken before the name of a command, too. */
const ROOT_OPTIONS: readonly OptionName[] = [
  'store',
  'progress',
  'report',
  'insecure',
  'ca',
  'cert',
  'key',
  ...GLOBAL_OPTIONS,
];

/** Reads the command line. Runs nothing, prints nothing. */
export function parseCommandLine(argv: readonly string[], version: string): Invocation | Answer {
  const written: string[] = [];
  let invocation: Invocation | undefined;
  const program = createProgram(version, argv, (found) => {
    invocation = found;
  });
  for (const command of [program, ...descendants(program)]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => void written.push(text),
      writeErr: (text) => void written.push(text),
      outputError: (text) => void written.push(text),
    });
  }
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return answer(error, written.join(''));
  }
  return invocation ?? { exitCode: EXIT.usage, stream: 'stderr', text: program.helpInformation() };
}

function answer(error: CommanderError, text: string): Answer {
  if (error.exitCode === 0) return { exitCode: EXIT.ok, stream: 'stdout', text };
  if (error.code === 'commander.help') return { exitCode: EXIT.usage, stream: 'stderr', text };
  // Commander puts its guess on a line of its own; here a mistake is one line.
  const line = error.message
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.*?)\?\)$/s, '; did you mean $1?');
  return { exitCode: EXIT.usage, stream: 'stderr', text: `longshore: ${line}\n` };
}

/** @param argv where it starts with a command, others are left out: to make all takes 10 ms */
function createProgram(
  version: string,
  argv: readonly string[],
  found: (invocation: Invocation) => void,
): Command {
  const program = new Command('longshore')
    .description('Moves container images in bulk')
    .usage('COMMAND [OPTION...]')
    .version(version, '--version', 'Print the version')
    .helpOption('-h, --help', 'Print help')
    .helpCommand('help [COMMAND]', 'Print help for a command')
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: false });
  addOptions(program, ROOT_OPTIONS);
  program.addHelpText('after', FOOTER);
  const named = COMMANDS.filter(({ name }) => name.split(' ')[0] === argv[0]);
  for (const spec of named.length > 0 ? named : COMMANDS) {
    const [first = '', second] = spec.name.split(' ');
    const parent = second === undefined ? program : groupOf(program, first);
    const command = parent
      .command(`${second ?? first} ${spec.args}`.trim())
      .description(spec.summary)
      .helpOption('-h, --help', 'Print help');
    addOptions(command, optionsOf(spec));
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((e) => `  ${e}`).join('\n')}\n`);
    command.action(() => {
      found({ spec, args: command.args, flags: readFlags(program, command, spec) });
    });
  }
  return program;
}

const FOOTER = `
Each option can also be set in the environment (--fail-fast: LONGSHORE_FAIL_FAST=1) and in
longshore.yaml (fail-fast: true). A flag beats the environment, which beats the file.
`;

/** All options that a command takes, its own first. */
export function optionsOf(spec: CommandSpec): readonly OptionName[] {
  return [...spec.options, ...GLOBAL_OPTIONS];
}

function groupOf(program: Command, name: string): Command {
  const there = program.commands.find((command) => command.name() === name);
  return (
    there ??
    program
      .command(name)
      .description(GROUPS[name] ?? '')
      .helpOption('-h, --help', 'Print help')
  );
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)]);
}

function addOptions(command: Command, names: readonly OptionName[]): void {
  for (const name of names) {
    const spec = optionSpec(name);
    const note = spec.defaultText === undefined ? '' : ` (default: ${spec.defaultText})`;
    const long =
      spec.kind === 'switch' ? `--${name}` : `--${name} <${spec.placeholder ?? 'VALUE'}>`;
    const flags = spec.short === undefined ? long : `-${spec.short}, ${long}`;
    const choices = spec.choices === undefined ? '' : `: ${spec.choices.join(', ')}`;
    const option = new Option(flags, `${spec.help}${choices}${note}`);
    if (spec.kind === 'list') {
      option.argParser((value: string, previous: readonly string[] | undefined) => [
        ...(previous ?? []),
        value,
      ]);
    }
    command.addOption(option);
    // So that a flag can beat a switch that is on in the environment or in the file.
    if (spec.kind === 'switch') command.addOption(new Option(`--no-${name}`).hideHelp());
  }
}

/** Flags of the command, and those that stood before its name. */
function readFlags(program: Command, command: Command, spec: CommandSpec): RawValues {
  const flags = new Map<OptionName, RawValue>();
  for (const source of [program, command]) {
    for (const { attributeName, name } of attributesOf(source)) {
      if (source.getOptionValueSource(attributeName) !== 'cli') continue;
      if (!optionsOf(spec).includes(name)) {
        throw usageError(`--${name} has no meaning for ${spec.name}`);
      }
      const value: unknown = source.getOptionValue(attributeName);
      flags.set(name, { where: `--${name}`, value: readValue(value) });
    }
  }
  return flags;
}

function attributesOf(command: Command): { attributeName: string; name: OptionName }[] {
  return command.options.flatMap((option) => {
    const name = option.long?.slice(2) ?? '';
    return isOptionName(name) ? [{ attributeName: option.attributeName(), name }] : [];
  });
}

function readValue(value: unknown): RawValue['value'] {
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(String);
  return String(value);
}
