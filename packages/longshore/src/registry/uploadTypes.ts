import type { Descriptor, Digest, Reference } from '../image/index.ts';
import type { RepositoryAddress } from './types.ts';

type SignalOption = { readonly signal?: AbortSignal | undefined };

/** Where an upload goes on. Each answer of the registry may give a new one; the old is void then. */
export interface UploadSession {
  readonly repository: RepositoryAddress;
  /** Often signed: not for messages. */
  readonly url: URL;
  /** How many bytes the registry has acknowledged. */
  readonly offset: number;
  /** The least length of a chunk that is not the last, where the registry names one. */
  readonly minChunkBytes: number | undefined;
}

/** The bytes of a blob, read anew for each try. */
export interface BlobBody {
  /**
   * The bytes from `start` to `end`, `end` not included. The next piece is asked for about when the
   * kernel has taken the one before: that is how progress is seen. Memory of a piece must not be
   * used again.
   */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
}

export interface UploadOptions extends SignalOption {
  /**
   * Sends the blob in chunks of this length, each acknowledged; a broken upload goes on at the last
   * acknowledgement. Needed below the body limit of a proxy.
   * @defaultValue everything in one PUT, which every registry takes
   */
  readonly chunkBytes?: number | undefined;
  /** The registry has acknowledged another chunk. */
  readonly onSession?: ((session: UploadSession) => void) | undefined;
}

/** A manifest to be put: what it is, and its bytes. */
export interface ManifestBytes {
  readonly descriptor: Pick<Descriptor, 'mediaType' | 'digest'>;
  readonly bytes: Uint8Array;
}

/**
 * The half of a registry that changes it. All requests ask for tokens to pull and push. Those that
 * carry no blob are tried again where that can help; uploads are not: the caller has to hold them
 * back then, and knows what else is under way.
 */
export interface RegistryUploads {
  /** What a tag or digest is there now, or `undefined` when it is not there. */
  find(reference: Reference, options?: SignalOption): Promise<Descriptor | undefined>;
  /** Whether the repository has the blob, in its length. */
  hasBlob(
    repository: RepositoryAddress,
    descriptor: Descriptor,
    options?: SignalOption,
  ): Promise<boolean>;
  /**
   * Asks for a blob of another repository on the same registry. Registries may decline, and open an
   * upload instead.
   */
  mountBlob(
    repository: RepositoryAddress,
    digest: Digest,
    options: SignalOption & { readonly from: string },
  ): Promise<'mounted' | UploadSession>;
  /** Opens an upload. Not retried. */
  startUpload(repository: RepositoryAddress, options?: SignalOption): Promise<UploadSession>;
  /** Where an upload stands, or `undefined` when the registry has lost it. */
  checkUpload(session: UploadSession, options?: SignalOption): Promise<UploadSession | undefined>;
  /**
   * Sends the rest of a blob, from the session's offset on, and makes it one. Not retried.
   * @throws LongshoreError `ERR_UPLOAD_LOST` (start anew), `ERR_BODY_LIMIT`, `ERR_READ_ONLY`,
   *   `ERR_REGISTRY_FULL`, `ERR_DIGEST_MISMATCH`, `ERR_UNAUTHORIZED`, `ERR_DENIED`
   */
  uploadBlob(
    session: UploadSession,
    descriptor: Descriptor,
    sending: UploadOptions & { readonly body: BlobBody },
  ): Promise<void>;
  /** Throws away what was sent. Never fails: sessions that nobody ends, registries end themselves. */
  deleteUpload(session: UploadSession, options?: SignalOption): Promise<void>;
  /**
   * Puts a manifest under a tag or under its own digest.
   * @returns whether the registry lists it as a referrer of its subject (`OCI-Subject`)
   * @throws LongshoreError `ERR_BLOBS_MISSING` when the registry has not got (yet) what it names;
   *   `ERR_TAG_IMMUTABLE`, and as `uploadBlob`
   */
  putManifest(
    reference: Reference,
    manifest: ManifestBytes,
    options?: SignalOption,
  ): Promise<{ readonly listsReferrer: boolean }>;
  /**
   * Removes a manifest and the tags that lead to it. Blobs stay until the registry collects its
   * garbage: removing them could take them from repositories that share them.
   * @returns false where the registry does not let it be removed, as many do not
   */
  deleteManifest(
    repository: RepositoryAddress,
    digest: Digest,
    options?: SignalOption,
  ): Promise<boolean>;
}
