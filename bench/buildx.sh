#!/usr/bin/env bash
# Builds buildx, which Debian lacks, with the Go on this machine, to compare how it reads
# specifications: `source <(bash bench/buildx.sh)` puts it on PATH. It comes through the Go module
# proxy and goes to GOBIN, by default a folder under /tmp. Two cores need some ten minutes.
set -euo pipefail

export GOBIN=${GOBIN:-${TMPDIR:-/tmp}/longshore-rivals}
package=github.com/docker/buildx/cmd/buildx
version=v0.38.2

if [ ! -x "$GOBIN/buildx" ]; then
  mkdir -p "$GOBIN"
  folder=$(mktemp -d)
  if ! (
    cd "$folder"
    go mod init buildx
    go get "$package@$version"
    go build -trimpath -o "$GOBIN/buildx" "$package"
  ) >"$folder/log" 2>&1; then
    printf 'buildx could not be built:\n' >&2
    tail -n 3 "$folder/log" >&2
  fi
  chmod -R u+w "$folder"
  rm -rf "$folder"
fi

# The reader's own PATH, not this script's.
# shellcheck disable=SC2016
printf 'export PATH=%q:$PATH\n' "$GOBIN"
