#!/usr/bin/env bash
# Builds both images without a Docker engine and runs a command in each, not as root. As root, on Debian.
#
# Bases made by debootstrap stand in for debian:forky-slim and python:3.13-slim (which is Debian trixie
# with Python 3.13), so no image registry is needed. Takes about three minutes and 4 GB in TMPDIR, and
# leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in buildah debootstrap; do
  if ! command -v "$tool" >/dev/null; then
    echo "$tool is missing. Install it: sudo apt-get install -y --no-install-recommends buildah debootstrap" >&2
    exit 1
  fi
done
if [ "$(id -u)" != 0 ]; then
  echo "building without a Docker engine needs root: sudo docker/prove.sh" >&2
  exit 1
fi

python=.venv/bin/python
[ -x "$python" ] || python=python3
mirror=$("$python" -c 'from voicedrop.lab.debian import mirror; print(mirror())')
work=$(mktemp -d "${TMPDIR:-/var/tmp}/voicedrop-prove.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

store() { timeout 900 buildah --root "$work/images" --runroot "$work/run" --storage-driver vfs "$@"; }

# A bare Debian as an image: base SUITE [more packages]
base() {
  echo "making a base of Debian $1"
  timeout 900 debootstrap --variant=minbase ${2:+--include="$2"} "$1" "$work/$1" "$mirror" \
    /usr/share/debootstrap/scripts/sid >"$work/$1.log" 2>&1 || { tail "$work/$1.log" >&2; exit 1; }
  printf '#!/bin/sh\nexit 101\n' >"$work/$1/usr/sbin/policy-rc.d" # as in Docker's Debian: no services
  chmod 755 "$work/$1/usr/sbin/policy-rc.d"
  echo 'Acquire::Check-Valid-Until "false";' >"$work/$1/etc/apt/apt.conf.d/99archive"
  local container
  container=$(store from scratch)
  store add -q "$container" "$work/$1" / >/dev/null
  store commit -q "$container" "base-$1" >/dev/null
  store rm "$container" >/dev/null
}

# build IMAGE DOCKERFILE BASE [more options]
build() {
  echo "building $2"
  store bud --isolation chroot --format docker -f "$2" --build-arg "BASE=localhost/base-$3" -t "$1" "${@:4}" . \
    >"$work/$1.log" 2>&1 || { tail -n 20 "$work/$1.log" >&2; exit 1; }
}

# What a command says in a container of the image, run as the image's own user: inside IMAGE COMMAND…
# $work/etc and $work/state are mounted where the engine looks for its configuration and keeps its state.
inside() {
  local container
  container=$(store from "localhost/$1")
  store run --isolation chroot --volume "$work/etc:/etc/voicedrop:ro" --volume "$work/state:/var/lib/voicedrop" \
    "$container" -- "${@:2}"
  store rm "$container" >/dev/null
}

base forky
build asterisk docker/Dockerfile.asterisk forky

# The engine's packages are fetched by this machine's pip, with its settings, and only mounted.
base trixie python3,python3-venv
timeout 600 "$python" -m pip download -q --no-deps --only-binary=:all: --python-version 3.13 \
  -r requirements.lock -d "$work/wheels" 2>"$work/pip.log" || { tail "$work/pip.log" >&2; exit 1; }
printf '[global]\nno-index = true\nfind-links = /wheels\n' >"$work/pip.conf"
build engine docker/Dockerfile.engine trixie \
  --volume "$work/wheels:/wheels:ro" --volume "$work/pip.conf:/etc/pip.conf:ro"

mkdir "$work/etc"
printf 'ari: {url: "http://127.0.0.1:8088", username: voicedrop, password: unused}\nstate_dir: /var/lib/voicedrop\n' \
  >"$work/etc/config.yaml"
chmod 755 "$work" "$work/etc"
# A volume as an operator gives it: empty, of the image's user, closed to all others.
install -d -m 700 -o 10001 -g 10001 "$work/state"

for image in asterisk engine; do
  uid=$(inside "$image" id -u)
  case $image in
    asterisk) says=$(inside asterisk asterisk -V) ;;
    engine) says="voicedrop $(inside engine voicedrop version)" ;;
  esac
  echo "$image: $says, as uid $uid"
  [ "$uid" != 0 ] || { echo "$image runs as root" >&2; exit 1; }
done

# The embedded PostgreSQL: made, migrated and stopped by one container, found again by the next.
said=$(inside engine voicedrop tokens add prove -c /etc/voicedrop/config.yaml)
case $said in
  vd_*) ;;
  *) echo "voicedrop tokens add printed no token" >&2; exit 1 ;;
esac
said=$(inside engine voicedrop tokens list -c /etc/voicedrop/config.yaml)
case $said in
  *prove*) echo "engine: the embedded PostgreSQL kept a token from one container to the next" ;;
  *) echo "the second container does not find the first one's token: ${said:-nothing}" >&2; exit 1 ;;
esac
owners=$(stat -c %u:%a "$work/state/postgres" "$work/state/postgres/PG_VERSION" | sort -u | tr '\n' ' ')
case $owners in
  "10001:600 10001:700 ") ;;
  *) echo "the database's files belong to the wrong user, or others may read them: $owners" >&2; exit 1 ;;
esac
