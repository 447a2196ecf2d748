#!/usr/bin/env bash
# What the durable entry costs a chart read: the figures of http.sh with the access log on this disk, then on a RAM disk.
#
#   ops/bench/audit.sh ARCHIVE QUERIES.json [SECONDS]
#
# Takes the archive's audit folder to /dev/shm for the second run and throws away what was logged there: for archives made
# to be measured, never for one that counts. Not for: pass or fail.
set -euo pipefail
archive=$1 here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /dev/shm/chartkeep.XXXXXX)
aside=$archive.audit-on-disk
restore() {
  if [ -d "$aside" ]; then
    rm -f "$archive/audit"
    mv "$aside" "$archive/audit"
  fi
  rm -rf "$work"
}
trap restore EXIT
echo 'The log on this disk:'
"$here/http.sh" "$@"
cp -a "$archive/audit" "$work/audit"
mv "$archive/audit" "$aside"
ln -s "$work/audit" "$archive/audit"
echo 'The log on a RAM disk:'
"$here/http.sh" "$@"
