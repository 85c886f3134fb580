import { didYouMean } from '../../suggest.ts';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { completionModel } from '../completion/model.ts';
import { zshCompletion } from '../completion/zsh.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import type { CommandContext } from './context.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `longshore completion SHELL` */
export async function runCompletion({ args, print }: CommandContext): Promise<number> {
  const [shell = ''] = args;
  if (shell !== 'bash' && shell !== 'zsh' && shell !== 'fish') {
    throw usageError(
      `completion: ${JSON.stringify(shell)} is not bash, zsh or fish${didYouMean(shell, Object.keys(SHELLS))}`,
    );
  }
  print(SHELLS[shell](completionModel()));
  return EXIT.ok;
}
