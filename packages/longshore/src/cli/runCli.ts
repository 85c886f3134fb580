import type { CommandContext } from './commands/context.ts';
import type { CommandSpec } from './commands/table.ts';
import { EXIT, exitCodeOf } from './exitCodes.ts';
import { describeError } from './failures.ts';
import type { CliHost } from './host.ts';
import { type Output, openOutput } from './output.ts';
import { type Invocation, optionsOf, parseCommandLine } from './program.ts';
import { readSettingsFile } from './settings/file.ts';
import { findPlaces, type Places } from './settings/places.ts';
import {
  misspeltVariables,
  type RawValues,
  type ResolvedSettings,
  readEnvironment,
  resolveSettings,
} from './settings/resolve.ts';
import { parseSwitch } from './settings/units.ts';

/**
 * Runs one command line to its end and returns the exit code. Everything it knows of the process
 * is in `host`; it never exits and installs nothing that outlives it.
 */
export async function runCli(host: CliHost): Promise<number> {
  const stdout = openOutput(host.stdout, 'stdout');
  const stderr = openOutput(host.stderr, 'stderr');
  let verbose = asksForMore(host);
  const report = (error: unknown): number => {
    stderr.write(`${describeError(error, { verbose, reportTo: host.reportTo })}\n`);
    return exitCodeOf(error);
  };
  try {
    const parsed = parseCommandLine(host.argv, host.version);
    if ('text' in parsed) {
      (parsed.stream === 'stdout' ? stdout : stderr).write(parsed.text);
      return parsed.exitCode;
    }
    warnOfMisspelling(host, stderr);
    const places = findPlaces(host.env, host.cwd, host.home);
    const resolved = await readSettings(parsed, host, places);
    verbose = resolved.settings.verbose ?? verbose;
    if (verbose && resolved.file !== undefined) {
      stderr.write(`longshore: settings are read from ${resolved.file}\n`);
    }
    const context: CommandContext = {
      args: parsed.args,
      ...resolved,
      places,
      host,
      print: stdout.write,
      complain: stderr.write,
      given: { printed: false, reported: false },
    };
    const exitCode = await runCommand(parsed.spec, context, report);
    await stdout.flush();
    const problem = stdout.problem();
    return problem === undefined || exitCode !== EXIT.ok ? exitCode : report(problem);
  } catch (error) {
    return report(error);
  } finally {
    await Promise.all([stdout.flush(), stderr.flush()]);
    stdout.dispose();
    stderr.dispose();
  }
}

/** @param report tells of an error on stderr; before documents do, which may have to wait for a reader */
async function runCommand(
  spec: CommandSpec,
  context: CommandContext,
  report: (error: unknown) => number,
): Promise<number> {
  try {
    const run = await spec.load();
    return await run(context);
  } catch (error) {
    const exitCode = report(error);
    const { tellFailure } = await import('./failureDocument.ts');
    await tellFailure(context, spec, error);
    return exitCode;
  }
}

/** For errors that come before the settings are read. */
function asksForMore({ argv, env }: CliHost): boolean {
  const variable = parseSwitch(env['LONGSHORE_VERBOSE'] ?? '');
  return argv.includes('--verbose') || (variable.ok && variable.value);
}

function warnOfMisspelling(host: CliHost, stderr: Output): void {
  for (const { name, meant } of misspeltVariables(host.env)) {
    stderr.write(`longshore: there is no variable ${name}; did you mean ${meant}?\n`);
  }
}

async function readSettings(
  { spec, flags }: Invocation,
  host: CliHost,
  places: Places,
): Promise<ResolvedSettings & { readonly file: string | undefined }> {
  const environment = readEnvironment(host.env);
  const named = (flags.get('config') ?? environment.get('config'))?.value;
  // A command without options of its own (schema, completion) must work beside a broken file.
  const reads = spec.options.length > 0 || named !== undefined;
  const none: RawValues = new Map();
  const file = reads
    ? await readSettingsFile(typeof named === 'string' ? named : undefined, places)
    : { path: undefined, values: none };
  const resolved = resolveSettings({ flags, environment, file: file.values }, optionsOf(spec));
  return { ...resolved, file: file.path };
}
