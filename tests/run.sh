#!/bin/sh
# Installs what the tests need into .venv and, as root on Debian, into the system, and makes folders with other gits;
# then runs the checks and all tests, and the fast ones again under each other Python that git-datmo supports and this
# machine, or one of those folders, has.
# usage: tests/run.sh [PYTEST-ARGUMENTS]; PYTHON names another interpreter than python3.
set -eu
cd "$(dirname "$0")/.."

install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "tests/run.sh: please install: $*" >&2; exit 1; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 || {
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
  }
}

# The interpreters of other series: on PATH, where pyenv keeps them, or beside another git.
other_pythons() {
  for series in 3.10 3.11 3.12 3.13 3.14; do
    [ "$series" != "$1" ] || continue
    for found in "$(command -v "python$series" || :)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$series".*/bin/python \
      "$gits"/*/root/usr/bin/python-apart; do
      if "$found" -c "import sys, venv; sys.exit(sys.version_info[:2] != (${series%.*}, ${series#*.}))" 2>/dev/null; then
        echo "$series $found"
        break
      fi
    done
  done
}

python=${PYTHON:-python3}
gits=${DATMO_TEST_GITS:-${XDG_CACHE_HOME:-$HOME/.cache}/git-datmo-tests/gits}
missing=
[ -x /usr/sbin/sshd ] || missing="$missing openssh-server"
command -v ssh-keygen >/dev/null || missing="$missing openssh-client"
command -v curl >/dev/null || missing="$missing curl"
command -v unshare >/dev/null || missing="$missing util-linux"
command -v eatmydata >/dev/null || missing="$missing eatmydata"
command -v debootstrap >/dev/null || missing="$missing debootstrap"
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
# shellcheck disable=SC2086  # one word a package
[ -z "$missing" ] || install $missing

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install -q --disable-pip-version-check -e '.[test]'
PATH=$PWD/.venv/bin:$PATH
export PATH

ruff check .
ruff format --check -q .
mypy
export DATMO_REQUIRE_ENGINE=1 DATMO_REQUIRE_SERVERS=1
if tests/gits.sh; then export DATMO_REQUIRE_GITS=1; fi
# No test cuts the power, so none has to wait for a disk.
tests/container-engine.sh docker -- eatmydata python -m pytest -n 2 --dist loadgroup "$@"
[ $# -eq 0 ] || exit 0

other_pythons "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" | while read -r series found; do
  echo "the fast tests under Python $series"
  [ -x ".venv-$series/bin/python" ] || "$found" -m venv --without-pip ".venv-$series"
  python -m pip --python ".venv-$series/bin/python" install -q --disable-pip-version-check pip -e '.[test]'
  PATH=$PWD/.venv-$series/bin:$PATH python -m pytest -q -n 2 tests/unit
done
