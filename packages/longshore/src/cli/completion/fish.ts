import { type CompletionNode, groupPaths, valuedOptions } from './model.ts';

/** A completion script for fish, for `~/.config/fish/completions/longshore.fish`. */
export function fishCompletion(nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap(({ path, words, options }) => {
    const here = `complete -c longshore -n ${quote(`test (__longshore_at) = ${quote(path)}`)}`;
    return [
      ...words.map(({ word, help }) => `${here} -f -a ${quote(word)} -d ${quote(help)}`),
      ...options.map(({ name, kind, help, choices, completes }) => {
        const value = kind === 'switch' ? '' : completes === undefined ? ' -x' : ' -r -F';
        const list = choices === undefined ? '' : ` -a ${quote(choices.join(' '))}`;
        return `${here} -l ${name}${value}${list} -d ${quote(help)}`;
      }),
    ];
  });
  const takesValue = valuedOptions(nodes).map(({ name }) => `--${name}`);
  return `# fish completion for longshore; load it with: longshore completion fish | source
function __longshore_at
  set -l at ''
  set -l skip 0
  for word in (commandline -opc)[2..]
    if test $skip = 1
      set skip 0
    else if contains -- $word ${takesValue.join(' ')}
      set skip 1
    else if not string match -q -- '-*' $word
      contains -- "$at" ${groupPaths(nodes).join(' ')}; and set at (string trim -- "$at $word")
    end
  end
  echo "$at"
end
${lines.join('\n')}
`;
}

function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
