import { didYouMean } from '../../suggest.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { schemaNames } from '../schemas/names.ts';
import type { CommandContext } from './context.ts';

/** `longshore schema [NAME]` */
export async function runSchema({ args, print }: CommandContext): Promise<number> {
  const [name] = args;
  if (name === undefined) {
    print(`${schemaNames.join('\n')}\n`);
    return EXIT.ok;
  }
  if (!schemaNames.includes(name)) {
    const guess = didYouMean(name, schemaNames);
    throw usageError(
      `schema: there is none of the name ${JSON.stringify(name)}${guess}`,
      'longshore schema lists them',
    );
  }
  const { jsonSchema } = await import('../schemas/jsonSchema.ts');
  print(`${JSON.stringify(jsonSchema(name), undefined, 2)}\n`);
  return EXIT.ok;
}
