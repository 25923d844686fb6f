# Installs Debian packages for the scripts of this repository, which source this file.

# Run apt-get without questions. Waits up to five minutes where another process holds a lock of apt or dpkg, as the
# machine's own updates do after it started.
apt_get() {
  apt_log=$(mktemp)
  apt_tries=0
  # The timeout holds for dpkg's lock alone: for that of the package lists, apt-get fails at once.
  until DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >"$apt_log" 2>&1; do
    apt_tries=$((apt_tries + 1))
    if [ "$apt_tries" -gt 60 ] || ! grep -q 'Could not get lock' "$apt_log"; then
      tail -n 20 "$apt_log" >&2
      rm -f "$apt_log"
      return 1
    fi
    sleep "${DATMO_APT_PAUSE:-5}"
  done
  rm -f "$apt_log"
}

# Install the packages that are named. Reads the package lists anew where an install by the old ones fails.
install_packages() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "${0##*/}: please install: $*" >&2
    return 1
  fi
  apt_get install -y --no-install-recommends "$@" 2>/dev/null || {
    apt_get update && apt_get install -y --no-install-recommends "$@"
  }
}
