#!/bin/sh
# Make a base image where no image registry is in reach: Debian's Python, by debootstrap. Needs root.
#
#   base.sh IMAGE
#
# $DOCKER names another docker, also one of several words ("sudo docker"): it stays unquoted. The packages
# come from the mirror of debootstrap, or from $MIRROR.
set -eu
[ $# -eq 1 ] || { echo "usage: base.sh IMAGE" >&2; exit 2; }
docker=${DOCKER:-docker}
if $docker image inspect "$1" >/dev/null 2>&1; then
  echo "$1 exists already. To make it again, delete it first: $docker image rm $1"
  exit 0
fi
command -v debootstrap >/dev/null || {
  echo "error: debootstrap not found. Install it (apt-get install debootstrap), or name a base with BASE=IMAGE." >&2
  exit 1
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$folder" ${MIRROR:-}
# A network with a certificate of its own has it on this machine, and pip needs it in the build.
cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/usr/share/doc/* "$folder"/usr/share/man/* "$folder"/usr/share/locale/*
tar -C "$folder" -c . | $docker import - "$1"
