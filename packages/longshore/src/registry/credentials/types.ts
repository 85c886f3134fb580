/** Who to be on a registry. `source` says where it was found and may be shown; the rest never. */
export type Credential =
  | {
      readonly kind: 'basic';
      readonly username: string;
      readonly password: string;
      readonly source: string;
    }
  | {
      /** An OAuth2 refresh token: bought against access tokens at the registry's realm. */
      readonly kind: 'identityToken';
      readonly token: string;
      readonly source: string;
    }
  | {
      /** An access token, sent as it is. */
      readonly kind: 'registryToken';
      readonly token: string;
      readonly source: string;
    };

/** What a credential is wanted for. */
export interface CredentialAddress {
  /** As references name it: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  readonly repository?: string | undefined;
}

/** Finds credentials. Called often: whoever implements it does the caching. */
export interface CredentialStore {
  /**
   * @param options.refresh set after a registry has refused what this store gave last: a cached
   *   answer is not good enough
   * @returns `undefined` for "be anonymous"
   */
  lookup(
    address: CredentialAddress,
    options?: { readonly signal?: AbortSignal | undefined; readonly refresh?: boolean },
  ): Promise<Credential | undefined>;
}
