import { type CompletionNode, groupPaths, valuedOptions } from './model.ts';

/** A completion script for bash 4 and newer; it starts no process while completing. */
export function bashCompletion(nodes: readonly CompletionNode[]): string {
  const valued = valuedOptions(nodes);
  const values = valued.flatMap(({ name, choices, completes }) => {
    if (choices !== undefined) return [`    --${name}) ${compgen(`-W '${choices.join(' ')}'`)} ;;`];
    if (completes === 'directory') return [`    --${name}) ${compgen('-d')} ;;`];
    if (completes === 'file') return [`    --${name}) ${compgen('-f')} ;;`];
    return [];
  });
  const cases = nodes.map(({ path, words, options }) => {
    const flags = options.map(({ name }) => `--${name}`).join(' ');
    return `    '${path}') words='${words.map(({ word }) => word).join(' ')}' flags='${flags}' ;;`;
  });
  const takesValue = valued.map(({ name }) => `--${name}`).join('|');
  return `# bash completion for longshore; load it with: source <(longshore completion bash)
_longshore() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local at='' words='' flags='' i
  COMPREPLY=()
  case $previous in
${values.join('\n')}
    ${takesValue}) ;;
    *) previous='' ;;
  esac
  [[ -n $previous ]] && return
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${takesValue}) ((i++)) ;;
      -*) ;;
      *) case $at in ${groupPaths(nodes).join('|')}) at="\${at:+$at }\${COMP_WORDS[i]}" ;; esac ;;
    esac
  done
  case $at in
${cases.join('\n')}
  esac
  if [[ $current == -* ]]; then ${compgen('-W "$flags"')}
  else ${compgen('-W "$words"')}
  fi
}
complete -o default -F _longshore longshore
`;
}

function compgen(source: string): string {
  return `COMPREPLY=($(compgen ${source} -- "$current"))`;
}
