#!/usr/bin/env bash
# Builds the other pullers that Debian does not have (crane, regctl, oras) with the Go on this
# machine, to measure against them: `source <(bash bench/rivals.sh)` puts them on PATH.
# They come through the Go module proxy and go to GOBIN, by default a folder under /tmp.
set -euo pipefail

export GOBIN=${GOBIN:-${TMPDIR:-/tmp}/longshore-rivals}
mkdir -p "$GOBIN"

# program, module (with the version that was measured), package
while read -r program module version package; do
  if [ -x "$GOBIN/$program" ]; then
    continue
  fi
  folder=$(mktemp -d)
  # A module of our own: `go install PACKAGE@VERSION` asks the proxy for every prefix of the
  # package's path as a module, and a proxy that refuses one of them ends the search.
  if ! (
    cd "$folder"
    go mod init rivals
    go get "$module@$version"
    # Adds to go.sum what the package needs beyond its module.
    go build -mod=mod -trimpath -o "$GOBIN/$program" "$package"
  ) >"$folder/log" 2>&1; then
    printf '%s could not be built:\n' "$program" >&2
    tail -n 3 "$folder/log" >&2
  fi
  chmod -R u+w "$folder"
  rm -rf "$folder"
done <<'EOF'
crane github.com/google/go-containerregistry v0.22.1 github.com/google/go-containerregistry/cmd/crane
regctl github.com/regclient/regclient v0.11.7 github.com/regclient/regclient/cmd/regctl
oras oras.land/oras latest oras.land/oras/cmd/oras
EOF

# The reader's own PATH, not this script's.
# shellcheck disable=SC2016
printf 'export PATH=%q:$PATH\n' "$GOBIN"
