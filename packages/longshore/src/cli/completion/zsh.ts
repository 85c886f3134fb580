import { type CompletionNode, type CompletionOption, groupPaths, valuedOptions } from './model.ts';

/** A completion script for zsh, to be sourced or put into a folder of `$fpath` as `_longshore`. */
export function zshCompletion(nodes: readonly CompletionNode[]): string {
  const cases = nodes.map(({ path, words, options }) => {
    const choices = words.map(({ word, help }) => quote(help === '' ? word : `${word}:${help}`));
    return `    '${path}')
      choices=(${choices.join(' ')})
      flags=(${options.map((option) => quote(argumentSpec(option))).join(' ')}) ;;`;
  });
  const takesValue = valuedOptions(nodes).map(({ name }) => `--${name}`);
  return `#compdef longshore
# zsh completion for longshore; load it with: source <(longshore completion zsh)
_longshore_words() {
  if (( $#choices )); then _describe 'longshore' choices; else _files; fi
}
_longshore() {
  local at='' i last=1
  local -a choices flags
  for ((i = 2; i < CURRENT; i++)); do
    case $words[i] in
      ${takesValue.join('|')}) ((i++)) ;;
      -*) ;;
      *) case $at in (${groupPaths(nodes).join('|')}) at="\${at:+$at }$words[i]"; last=$i ;; esac ;;
    esac
  done
  case $at in
${cases.join('\n')}
  esac
  words=("\${(@)words[last,-1]}")
  (( CURRENT -= last - 1 ))
  _arguments -S : "\${flags[@]}" '*: :_longshore_words'
}
if [[ $funcstack[1] == _longshore ]]; then _longshore "$@"; else compdef _longshore longshore; fi
`;
}

function argumentSpec({
  name,
  kind,
  help,
  placeholder,
  choices,
  completes,
}: CompletionOption): string {
  const repeat = kind === 'list' ? '*' : '';
  const flag = `${repeat}--${name}[${help.replaceAll(/[[\]:\\]/g, '\\$&')}]`;
  if (kind === 'switch') return flag;
  const label = (placeholder ?? 'VALUE').replaceAll(/[[\]:\\]/g, '\\$&');
  if (choices !== undefined) return `${flag}:${label}:(${choices.join(' ')})`;
  if (completes === 'directory') return `${flag}:${label}:_directories`;
  return `${flag}:${label}:${completes === 'file' ? '_files' : ''}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
