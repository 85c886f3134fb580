import { type Platform, parsePlatform, platformOf } from '../../image/index.ts';

/**
 * What `--platform` asks for; without it, what runs on this machine.
 * @throws LongshoreError `ERR_PLATFORM_INVALID`
 */
export function choosePlatform(
  text: string | undefined,
  host: { readonly platform: string; readonly arch: string },
): Platform | 'all' {
  if (text === undefined) return platformOf(host.platform, host.arch);
  return text === 'all' ? 'all' : parsePlatform(text);
}
