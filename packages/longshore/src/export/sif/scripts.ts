import type { ImageConfig } from '../imageConfig.ts';
import { isShellName, shellWord, shellWords } from './shell.ts';

/** What `apptainer run` starts: the image's Entrypoint and Cmd, as Docker would put them together. */
export function formatRunScript(config: ImageConfig): string {
  const { entrypoint, cmd, workingDir } = config;
  const whole = [...entrypoint, ...cmd];
  const first = whole[0];
  const lines = ['#!/bin/sh', '# From the Entrypoint and Cmd of the OCI image.'];
  if (config.user !== '') {
    lines.push(`# The image names the user ${oneLine(config.user)}; here it is always the caller.`);
  }
  if (workingDir !== '') lines.push(`# The image names the directory ${oneLine(workingDir)}.`);
  // Callers of `run` pass files by names relative to where they stand, so that stays the working
  // directory. Only a command that can be found in no other way moves it.
  if (first !== undefined && /^[^/].*\//.test(first) && workingDir !== '') {
    lines.push(`cd ${shellWord(workingDir)} || exit 1`);
  }
  if (first === undefined) lines.push('[ "$#" -gt 0 ] || set -- /bin/sh');
  else if (entrypoint.length === 0) lines.push(`[ "$#" -gt 0 ] || set -- ${shellWords(cmd)}`);
  else {
    if (cmd.length > 0) lines.push(`[ "$#" -gt 0 ] || set -- ${shellWords(cmd)}`);
    lines.push(`set -- ${shellWords(entrypoint)} "$@"`);
  }
  lines.push('exec "$@"', '');
  return lines.join('\n');
}

/** The image's Env. What is set outside wins, as with Apptainer; `PATH` is always the image's. */
export function formatEnvironment(env: readonly string[]): string {
  const lines = ['# From the Env of the OCI image.'];
  for (const entry of env) {
    const equals = entry.indexOf('=');
    if (equals <= 0) continue;
    const name = entry.slice(0, equals);
    const value = shellWord(entry.slice(equals + 1));
    if (!isShellName(name)) lines.push(`# ${oneLine(name)} is no name that a shell can set.`);
    else if (name === 'PATH') lines.push(`PATH=${value}`, 'export PATH');
    else lines.push(`[ -n "\${${name}:-}" ] || ${name}=${value}`, `export ${name}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What older Singularities look for beside the scripts above; newer ones bring their own. */
export const ACTIONS: Readonly<Record<string, string>> = {
  exec: action('exec "$@"'),
  run: action('exec /.singularity.d/runscript "$@"'),
  start: action('exec /.singularity.d/startscript "$@"'),
  test: action('[ ! -x /.singularity.d/test ] || exec /.singularity.d/test "$@"'),
  shell: action(
    'for shell in /bin/bash /bin/sh; do\n  [ ! -x "$shell" ] || exec "$shell" "$@"\ndone',
    'echo "There is no shell in this image." >&2',
    'exit 1',
  ),
};

export const START_SCRIPT = '#!/bin/sh\n# An OCI image has nothing to start in the background.\n';

export const TEST_SCRIPT = '#!/bin/sh\n# An OCI image brings no test.\n';

function action(...lines: readonly string[]): string {
  return [
    '#!/bin/sh',
    'for file in /.singularity.d/env/*.sh; do',
    '  [ ! -f "$file" ] || . "$file"',
    'done',
    ...lines,
    '',
  ].join('\n');
}

/** Text from an image within a comment: it must not end the comment. */
function oneLine(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
