#!/bin/bash
# A Slurm prolog (Prolog= in slurm.conf, run as root): copies the SIF that a job names by
# `--comment=image:FILE` from the shared directory to the node's own disk, before the job starts. No
# registry is asked. Whatever goes wrong, the job starts all the same and reads the shared file: a
# prolog that fails would drain the node.
shared=${SHARED_IMAGES:-/shared/images}
local=${LOCAL_IMAGES:-/local/images}

comment=$(squeue --noheader --job "$SLURM_JOB_ID" --format %k) || exit 0
# A file name and nothing else: a job's comment is written by its user.
name=$(printf '%s\n' "$comment" | sed -n 's/^image:\([A-Za-z0-9_=][A-Za-z0-9._=-]*\)$/\1/p')
[ -n "$name" ] && [ -f "$shared/$name" ] && [ ! -e "$local/$name" ] || exit 0

# Under another name first: two jobs may start at once, and readers never see half a file.
partial=$local/.$name.$$
if cp -- "$shared/$name" "$partial" 2>/dev/null; then
  mv -- "$partial" "$local/$name"
else
  rm -f -- "$partial"
fi
exit 0
