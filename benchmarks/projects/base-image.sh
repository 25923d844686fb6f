#!/bin/bash
# Gives an engine that reaches no registry an image python:3.11-slim like the official one: Debian with apt, and this
# machine's Python 3.11 in /usr/local. Needs root and debootstrap; the engine is the one that DOCKER_HOST names.
#   tests/container-engine.sh docker -- sh -c 'benchmarks/projects/base-image.sh && python -m benchmarks.projects'
set -euo pipefail

python=${PYTHON:-python3.11}
mirror=${MIRROR:-http://deb.debian.org/debian}
prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
[ "$prefix" != /usr ] || { echo "$0: needs a Python 3.11 that is not the system's: name it by PYTHON" >&2; exit 1; }
packages=$("$python" -c 'import os, pip; print(os.path.dirname(os.path.dirname(pip.__file__)))')

home=$(mktemp -d /tmp/datmo-base.XXXXXX)
trap 'rm -rf "$home"' EXIT
root=$home/root
# The libraries that a Python built from source is linked to.
include=ca-certificates,libssl3,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,zlib1g,libreadline8,libuuid1,libexpat1
debootstrap --variant=minbase --include="$include" bookworm "$root" "$mirror" >"$home/log" 2>&1 || {
  tail -5 "$home/log" >&2
  exit 1
}
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

(cd "$prefix" && tar -c --exclude={test,tests,__pycache__,idlelib,tkinter,turtledemo} --exclude='*.a' \
  --exclude='config-3.11*' --exclude='lib/python3.11/*-packages/*' \
  bin/python3.11 lib/python3.11 $(ls -d lib/libpython3* 2>/dev/null || true)) | tar -C "$root/usr/local" -x
for name in python python3; do ln -s python3.11 "$root/usr/local/bin/$name"; done
mkdir -p "$root/usr/local/lib/python3.11/site-packages"
cp -a "$packages"/{pip,setuptools,_distutils_hack,pkg_resources,pip-*,setuptools-*} \
  "$root/usr/local/lib/python3.11/site-packages/" 2>/dev/null || true
# This machine's way to the package index and to Debian's mirror.
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$root/etc/pip.conf"
fi
chroot "$root" ldconfig
tar -C "$root" --numeric-owner -cf "$home/base.tar" .
docker import --change 'CMD ["python3"]' "$home/base.tar" python:3.11-slim >/dev/null
docker run --rm python:3.11-slim python3 -c 'import ssl, sqlite3, lzma, bz2, ctypes'
