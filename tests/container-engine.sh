#!/bin/bash
# A real container engine for tests, from nothing, on a bare Debian as root:
#   container-engine.sh [docker|podman] -- COMMAND...
# It lives in namespaces of its own (mount, network, PID), so that nothing is left when it stops: no process, no mount,
# no iptables rule, no file in /run or /etc. Its one image is python:3.11-slim, made of this machine's own Python 3.11.
# COMMAND runs with DOCKER_HOST set; the script exits with its exit code.
set -euo pipefail
. "$(dirname "$0")/packages.sh"

kind=docker
case ${1:-} in docker | podman) kind=$1; shift ;; esac
[ "${1:-}" = -- ] && shift
[ $# -gt 0 ] || { echo "usage: $0 [docker|podman] -- COMMAND..." >&2; exit 129; }
[ "$(id -u)" = 0 ] || { echo "$0: needs root, for namespaces and mounts" >&2; exit 128; }

home=$(mktemp -d /tmp/datmo-engine.XXXXXX)
socket=$home/engine.sock
group=datmo-engine-${home##*.}

log() { echo "container-engine: $*" >&2; }

install_engine() {
  local wanted=(curl slirp4netns tini runc iptables)
  if [ "$kind" = docker ]; then wanted+=(docker.io); else wanted+=(podman catatonit); fi
  dpkg -s "${wanted[@]}" >/dev/null 2>&1 && return
  log "installing ${wanted[*]}"
  install_packages "${wanted[@]}"
}

write_podman_config() {
  cat >"$home/storage.conf" <<X
[storage]
driver = "overlay"
runroot = "/run/podman-run"
graphroot = "$home/graph"
X
  # Limits: both are set (the default needs CAP_SYS_RESOURCE), soft equal to hard (4.3's API mixes unequal ones up).
  # Runtime: crun 1.8 refuses hybrid cgroups.
  cat >"$home/containers.conf" <<'X'
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
lock_type = "file"
[network]
network_config_dir = "/run/podman-net"
X
}

# What runs inside the namespaces: private /proc, /run and /dev/shm, /etc and /var/lib overlaid, then the engine.
write_inner() {
  cat >"$home/inner.sh" <<'X'
set -eu
read -r pid _ </proc/self/stat # before /proc is our own: the PID that the machine knows us by
mount -t proc proc /proc
cd "$home" # podman's conmon leaves a file "oom" where it is
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
mount -t tmpfs tmpfs /dev/shm
for folder in etc var/lib; do
  over=/run/over-${folder##*/}
  mkdir -p "$over/upper" "$over/work"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$over/upper,workdir=$over/work" "/$folder"
done
echo nameserver 10.0.2.3 >/etc/resolv.conf # slirp4netns' forwarder to the machine's own resolver
echo "$pid" >"$home/inner.tmp"
mv "$home/inner.tmp" "$home/inner.pid"
tries=0
until [ -s "$home/network.ready" ]; do tries=$((tries + 1)); [ $tries -lt 400 ] || exit 9; sleep .05; done
if [ "$kind" = docker ]; then
  exec tini -s -- dockerd --data-root="$home/data" --exec-root=/run/docker-exec -p /run/dockerd.pid \
    --cgroup-parent="/$group" --storage-driver=overlay2 -H "unix://$socket"
fi
export CONTAINERS_CONF=$home/containers.conf CONTAINERS_STORAGE_CONF=$home/storage.conf TMPDIR=$home/tmp
mkdir -p "$TMPDIR"
exec tini -s -- podman --cgroup-manager=cgroupfs system service --time=0 "unix://$socket"
X
}

start_engine() {
  if [ "$kind" = podman ]; then write_podman_config; fi
  write_inner
  home=$home socket=$socket group=$group kind=$kind \
    setsid setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --propagation private \
    bash "$home/inner.sh" >"$home/engine.log" 2>&1 </dev/null &
  for _ in $(seq 200); do [ -s "$home/inner.pid" ] && break; sleep .05; done
  setsid setpriv --pdeathsig KILL slirp4netns --configure --mtu=65520 --disable-host-loopback --ready-fd=3 \
    "$(cat "$home/inner.pid")" tap0 3>"$home/network.ready" >"$home/network.log" 2>&1 </dev/null &
  echo $! >"$home/network.pid"
  disown -a
  for _ in $(seq 300); do
    curl -fs --max-time 5 --unix-socket "$socket" http://engine/_ping >/dev/null 2>&1 && return
    sleep .1
  done
  tail -20 "$home/engine.log" "$home/network.log" >&2
  return 1
}

# inner.pid is PID 1 of the engine's namespace: with it go all its processes, and with them the mounts.
stop_engine() {
  local name
  for name in inner network; do
    [ -s "$home/$name.pid" ] && kill -KILL "$(cat "$home/$name.pid")" 2>/dev/null || true
  done
  for _ in $(seq 100); do
    [ -s "$home/inner.pid" ] && kill -0 "$(cat "$home/inner.pid")" 2>/dev/null || break
    sleep .05
  done
  find /sys/fs/cgroup -depth -type d \( -path "*/$group" -o -path "*/$group/*" \) -exec rmdir {} \; 2>/dev/null || true
  rm -rf "$home"
}

find_python() { # a Python 3.11 that has pip, whatever is first on PATH
  local name
  for name in python3.11 python3 python /usr/bin/python3; do
    "$name" -c 'import sys, pip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && { echo "$name"; return; }
  done
  log "there is no Python 3.11 with pip on PATH to make the base image of"
  return 1
}

# Copies the libraries that programs below $1 need and that are neither in it nor in the Python at $2.
copy_libraries() {
  { find "$1/usr/bin" "$1/usr/local" "$1/usr/lib/python3.11" -type f \( -perm -100 -o -name '*.so*' \) -exec ldd {} + 2>/dev/null || true; } |
    awk '/=> \//{print $3} /^\t\//{print $1}' >"$home/libraries"
  # for wheels: the C and C++ libraries that every binary one may count on
  dpkg -L libc6 libgcc-s1 libstdc++6 | grep -E '^/(usr)?/?lib/.*\.so[.0-9]*$' | grep -vE '/gconv/|/audit/' >>"$home/libraries"
  sort -u "$home/libraries" | while read -r library; do
    case $library in "$1"/* | "$2"/*) continue ;; esac
    mkdir -p "$1${library%/*}"
    cp -L "$library" "$1$library"
  done
}

make_base() { # $1: the tar to write
  local root=$home/rootfs python prefix packages program found
  python=$(find_python)
  prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
  packages=$("$python" -c 'import os, pip; print(os.path.dirname(os.path.dirname(pip.__file__)))')
  mkdir -p "$root"/{usr/{bin,sbin,lib/ssl,lib64,local},etc/ssl/certs,tmp,root,home,proc,sys,dev,run,var/tmp}
  chmod 1777 "$root"/{tmp,var/tmp}
  for found in bin sbin lib lib64; do ln -s "usr/$found" "$root/$found"; done

  # Debian's own Python is patched for the prefix /usr and takes packages in dist-packages; any other goes to /usr/local
  local target=$root/usr/local site=$root/usr/local/lib/python3.11/site-packages
  if [ "$prefix" = /usr ]; then target=$root/usr site=$root/usr/local/lib/python3.11/dist-packages; fi
  (cd "$prefix" && tar -c --exclude={test,tests,__pycache__,idlelib,tkinter,turtledemo} --exclude='*.a' \
    --exclude='config-3.11*' --exclude='lib/python3.11/*-packages/*' --exclude=EXTERNALLY-MANAGED \
    bin/python3.11 lib/python3.11 $(ls -d lib/libpython3* 2>/dev/null || true)) | tar -C "$target" -x
  for found in python python3; do ln -s python3.11 "$target/bin/$found"; done
  mkdir -p "$site"
  cp -a "$packages"/{pip,setuptools,_distutils_hack,pkg_resources,pip-*,setuptools-*} "$site/" 2>/dev/null || true
  for program in sh bash env grep sed tar gzip find xargs awk $(dpkg -L coreutils | sed -n 's|.*/bin/||p'); do
    found=$(type -P "$program" || true)
    [ -n "$found" ] && cp -L "$found" "$root/usr/bin/$program"
  done
  copy_libraries "$root" "$prefix"
  printf '/usr/local/lib\n%s\n' /lib/*-linux-gnu >"$root/etc/ld.so.conf"
  ldconfig -r "$root" 2>/dev/null

  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
  cp -L /etc/os-release "$root/etc/os-release"
  # this machine's own way to the package index: its certificates, for pip and for OpenSSL
  if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$root/etc/pip.conf"
  fi
  tar -C "$root" --sort=name --numeric-owner --mtime=@0 -cf "$1" .
  rm -rf "$root"
}

import_base() {
  curl -fsS -X POST -H 'Content-Type: application/x-tar' --data-binary "@$1" --unix-socket "$socket" -o "$home/import.json" \
    'http://engine/v1.41/images/create?fromSrc=-&repo=python:3.11-slim&changes=CMD%20%5B%22python3%22%5D'
  rm -f "$1"
}

trap stop_engine EXIT
trap 'exit 130' INT TERM
install_engine
start_engine
make_base "$home/base.tar"
import_base "$home/base.tar"
log "$kind answers at unix://$socket"
DOCKER_HOST=unix://$socket "$@"
