import type { ErrorSubject, JudgeResponse, Verdict } from './responseError.ts';

/**
 * What a refusal means for a push; `undefined` where reading and pushing differ in nothing. Codes are
 * those of the distribution specification; registries without room have no common code, so their
 * texts count.
 */
export const judgePush: JudgeResponse = (status, subject, { codes, said }) => {
  const { what, registry } = subject;
  const has = (...some: string[]): boolean => some.some((code) => codes.includes(code));
  if (status === 507 || isFull(status, said)) {
    return {
      code: 'ERR_REGISTRY_FULL',
      text: `${registry} has no room for ${what}`,
      hint: 'Free space or quota on the registry, then push again: what is there is not sent twice',
      retryable: false,
    };
  }
  if (has('MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN') && status < 500) {
    return {
      code: 'ERR_BLOBS_MISSING',
      text: `${registry} misses content that ${what} names`,
      hint: 'Push again; when it stays like this, the registry loses content',
    };
  }
  if (has('DIGEST_INVALID')) {
    return {
      code: 'ERR_DIGEST_MISMATCH',
      text: `${what} did not arrive at ${registry} as it was sent`,
      hint: 'It is sent once more; when it stays like this, check the store: longshore cache verify',
    };
  }
  return judgeStatus(status, subject, has);
};

function judgeStatus(
  status: number,
  { what, registry, credentialSource }: ErrorSubject,
  has: (...codes: string[]) => boolean,
): Verdict | undefined {
  const login = `longshore login ${registry}`;
  switch (status) {
    case 401:
    case 403:
      return {
        code: status === 401 ? 'ERR_UNAUTHORIZED' : 'ERR_DENIED',
        text:
          credentialSource === undefined
            ? `${registry} does not take ${what} from anonymous clients`
            : `${registry} does not take ${what} with the credentials from ${credentialSource}`,
        hint:
          credentialSource === undefined
            ? `To push, log in: ${login}`
            : 'Check that this account may push there, and that its token has the right to write',
      };
    case 404:
      return has('BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID') || !has('NAME_UNKNOWN')
        ? {
            code: 'ERR_UPLOAD_LOST',
            text: `${registry} no longer knows the upload of ${what}`,
            hint: 'Registries of several instances need one shared secret and one shared storage',
            retryable: true,
          }
        : {
            code: 'ERR_NOT_FOUND',
            text: `${registry} has no such repository for ${what}`,
            hint: 'Some registries (ECR, GAR, Harbor) want a repository or project to be made first',
          };
    case 405:
      return {
        code: 'ERR_READ_ONLY',
        text: `${registry} does not take ${what}: it is read-only, or a proxy of another registry`,
        hint: 'Push to a registry or repository that takes pushes',
      };
    case 409:
    case 412:
      return {
        code: 'ERR_TAG_IMMUTABLE',
        text: `${registry} does not let ${what} change`,
        hint: 'Tags of this repository are immutable; push under another tag',
      };
    case 413:
      return {
        code: 'ERR_BODY_LIMIT',
        text: `${what} is too large for ${registry}, or for a proxy before it`,
        hint: 'Raise the body limit of the proxy (nginx: client_max_body_size 0), or send chunks below it: --chunk-size 8MiB',
      };
    default:
      return undefined;
  }
}

/** Not every registry that is full says so with 507: distribution answers 500 with the errno in words. */
function isFull(status: number, said: string): boolean {
  if (status < 400) return false;
  return /no space left on device|quota (?:has been |is )?exceeded|exceed\w* .{0,40}quota|insufficient storage/i.test(
    said,
  );
}
