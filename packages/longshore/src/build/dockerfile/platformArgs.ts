/**
 * What a builder fills in itself, with stand-ins for its values: where it only matters that they are not
 * empty.
 */
export const PLATFORM_ARGS: Readonly<Record<string, string>> = Object.fromEntries(
  ['BUILD', 'TARGET'].flatMap((side) => [
    [`${side}PLATFORM`, 'linux/amd64'],
    [`${side}OS`, 'linux'],
    [`${side}ARCH`, 'amd64'],
    [`${side}VARIANT`, ''],
  ]),
);
