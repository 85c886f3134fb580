import { COMMANDS, type CommandSpec } from '../../../src/cli/commands/table.ts';
import { optionsOf } from '../../../src/cli/program.ts';
import {
  environmentName,
  GLOBAL_OPTIONS,
  OPTION_NAMES,
  type OptionName,
  optionSpec,
} from '../../../src/cli/settings/options.ts';

/** The commands and options as `docs/cli.md` has them, made from the tables that the program uses. */
export function cliReference(): string {
  return ['## Commands', ...COMMANDS.map(commandSection), '## Options', optionTable()].join('\n\n');
}

function commandSection(spec: CommandSpec): string {
  const own = optionsOf(spec).filter((name) => !GLOBAL_OPTIONS.includes(name));
  const usage = `longshore ${spec.name} ${spec.args}`.trim();
  const parts = [`### \`${usage}\``, `${spec.summary}.`];
  if (own.length > 0) {
    parts.push(`Options: ${own.map((name) => `[\`--${name}\`](#options)`).join(', ')}.`);
  }
  parts.push(['```sh', ...spec.examples, '```'].join('\n'));
  return parts.join('\n\n');
}

function optionTable(): string {
  const rows = OPTION_NAMES.map((name) => {
    const cells = [flag(name), `\`${environmentName(name)}\``, key(name), meaning(name)];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| flag | variable | key | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function flag(name: OptionName): string {
  const { kind, placeholder } = optionSpec(name);
  const value = kind === 'switch' ? '' : ` ${(placeholder ?? 'VALUE').replaceAll('|', '\\|')}`;
  return `\`--${name}${value}\``;
}

function key(name: OptionName): string {
  return optionSpec(name).notInFile === true ? '' : `\`${name}\``;
}

function meaning(name: OptionName): string {
  const { help, defaultText, choices } = optionSpec(name);
  const list = choices === undefined ? '' : `: ${choices.map((c) => `\`${c}\``).join(', ')}`;
  const note = defaultText === undefined ? '' : ` Default: ${defaultText}.`;
  return `${help}${list}.${note}`.replaceAll('|', '\\|');
}
