import type { Instruction } from '../dockerfile/types.ts';
import { splitWords } from '../dockerfile/words.ts';
import type { ConfigDraft } from './configDraft.ts';
import { readDuration } from './duration.ts';
import { instructionError } from './errors.ts';
import type { Variables } from './variables.ts';

export interface ConfigScope {
  readonly config: ConfigDraft;
  readonly variables: Variables;
  readonly escape: string;
}

type Handler = (instruction: Instruction, scope: ConfigScope) => void;

/** The instructions that change nothing but the config. */
export const CONFIG_INSTRUCTIONS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['ARG', runArg],
  ['ENV', runEnv],
  ['LABEL', runLabel],
  [
    'USER',
    (instruction, { config, variables }) => {
      config.fields.user = variables.expand(instruction.text);
    },
  ],
  [
    'MAINTAINER',
    (instruction, { config }) => {
      config.fields.author = instruction.text;
    },
  ],
  [
    'CMD',
    (instruction, { config }) => {
      config.fields.cmd = command(instruction, config);
      config.fields.cmdIsOwn = true;
    },
  ],
  [
    'ENTRYPOINT',
    (instruction, { config }) => {
      config.fields.entrypoint = command(instruction, config);
      // What the base would have run means nothing to another entrypoint.
      if (!config.fields.cmdIsOwn) config.fields.cmd = undefined;
    },
  ],
  ['EXPOSE', runExpose],
  ['VOLUME', runVolume],
  [
    'STOPSIGNAL',
    (instruction, { config, variables }) => {
      config.fields.stopSignal = variables.expand(instruction.text);
    },
  ],
  [
    'SHELL',
    (instruction, { config }) => {
      if (instruction.json === undefined)
        throw instructionError('it takes a JSON array of strings');
      config.fields.shell = instruction.json;
    },
  ],
  ['HEALTHCHECK', runHealthcheck],
  [
    'ONBUILD',
    (instruction, { config }) => {
      config.fields.onBuild = [...config.fields.onBuild, instruction.text];
    },
  ],
]);

function runArg(instruction: Instruction, { variables, escape }: ConfigScope): void {
  for (const word of splitWords(instruction.text, escape)) {
    const equals = word.indexOf('=');
    if (equals < 0) variables.declare(variables.expand(word), undefined);
    else variables.declare(word.slice(0, equals), variables.expand(word.slice(equals + 1)));
  }
}

function runEnv(instruction: Instruction, scope: ConfigScope): void {
  // All words of one ENV see what was set before it, not each other.
  for (const [name, value] of pairs(instruction, scope)) scope.config.setEnv(name, value);
}

function runLabel(instruction: Instruction, scope: ConfigScope): void {
  const added = Object.fromEntries(pairs(instruction, scope));
  scope.config.fields.labels = { ...scope.config.fields.labels, ...added };
}

/** `A=b C=d`, or the old `A some text`. */
function pairs(
  { text }: Instruction,
  { variables, escape }: ConfigScope,
): (readonly [string, string])[] {
  const words = splitWords(text, escape);
  const [first = ''] = words;
  if (!first.includes('=')) {
    const value = text.slice(first.length).trim();
    if (value === '') throw instructionError(`${first} has no value`, 'Write NAME=value');
    return [[variables.expand(first), variables.expand(value)]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    const name = variables.expand(word.slice(0, Math.max(equals, 0)));
    if (equals < 0 || name === '') {
      throw instructionError(`${JSON.stringify(word)} is not NAME=value`, 'Quote what has blanks');
    }
    return [name, variables.expand(word.slice(equals + 1))];
  });
}

/** The exec form as it is, everything else by the shell. */
function command(instruction: Instruction, config: ConfigDraft): readonly string[] {
  if (instruction.json !== undefined) return instruction.json;
  return [...(config.fields.shell ?? ['/bin/sh', '-c']), instruction.text];
}

const PORT = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i;

function runExpose(instruction: Instruction, { config, variables }: ConfigScope): void {
  const ports = new Set(config.fields.exposedPorts);
  for (const word of variables.expandAll(instruction.text)) {
    const [, first = '', last = first, protocol = 'tcp'] = PORT.exec(word) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === '' || from > to || to > 65_535) {
      throw instructionError(`${JSON.stringify(word)} is not PORT, PORT-PORT or PORT/udp`);
    }
    for (let port = from; port <= to; port++) ports.add(`${port}/${protocol.toLowerCase()}`);
  }
  config.fields.exposedPorts = ports;
}

function runVolume(instruction: Instruction, { config, variables }: ConfigScope): void {
  const words =
    instruction.json?.map((word) => variables.expand(word)) ??
    variables.expandAll(instruction.text);
  if (words.length === 0 || words.includes('')) throw instructionError('a volume has no path');
  config.fields.volumes = new Set([...config.fields.volumes, ...words]);
}

const DURATIONS = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
} as const;

function runHealthcheck(instruction: Instruction, { config }: ConfigScope): void {
  const [, kind = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(instruction.text) ?? [];
  if (kind.toUpperCase() === 'NONE') {
    config.fields.healthcheck = { Test: ['NONE'] };
    return;
  }
  if (kind.toUpperCase() !== 'CMD' || rest === '') {
    throw instructionError('it takes CMD and a command, or NONE');
  }
  const check: Record<string, unknown> = { Test: healthCommand(rest) };
  for (const { name, value = '' } of instruction.flags) {
    if (name === 'retries' && /^\d+$/.test(value)) check['Retries'] = Number(value);
    else if (name in DURATIONS) {
      const key = DURATIONS[name as keyof typeof DURATIONS];
      check[key] = readDuration(value);
    } else throw instructionError(`--${name}=${value} is not an option of it`);
  }
  config.fields.healthcheck = check;
}

function healthCommand(text: string): readonly string[] {
  try {
    const words: unknown = JSON.parse(text);
    if (Array.isArray(words) && words.every((word) => typeof word === 'string')) {
      return ['CMD', ...words];
    }
  } catch {
    // Not the exec form.
  }
  return ['CMD-SHELL', text];
}
