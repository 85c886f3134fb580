import { credentialPlaces } from '../credentialPlaces.ts';
import { EXIT } from '../exitCodes.ts';
import type { CommandContext } from './context.ts';
import { checkRegistryHost } from './login.ts';

/** `longshore logout HOST` */
export async function runLogout(context: CommandContext): Promise<number> {
  const { args, complain } = context;
  const registry = checkRegistryHost(args[0] ?? '', 'logout');
  const { eraseCredential, dockerCredentials } = await import('../../registry/index.ts');
  const { files, documents, loginFile } = credentialPlaces(context);
  const found = await eraseCredential(registry, { file: loginFile });
  complain(
    found
      ? `Removed the credentials of ${registry} from ${loginFile}\n`
      : `There are no credentials of ${registry} in ${loginFile}\n`,
  );
  // Whoever logs out wants to be out: what other places still hold would be used again.
  const left = await dockerCredentials({ files, documents }).lookup({ registry });
  if (left !== undefined)
    complain(`longshore: ${left.source} still has credentials of ${registry}\n`);
  return EXIT.ok;
}
