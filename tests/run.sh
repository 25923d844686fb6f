#!/bin/sh
# Installs what the tests need into .venv and, as root on Debian, into the system; then runs the checks and all tests.
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

python=${PYTHON:-python3}
missing=
[ -x /usr/sbin/sshd ] || missing="$missing openssh-server"
command -v ssh-keygen >/dev/null || missing="$missing openssh-client"
command -v ps >/dev/null || missing="$missing procps"
command -v curl >/dev/null || missing="$missing curl"
command -v unshare >/dev/null || missing="$missing util-linux"
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
exec tests/container-engine.sh docker -- python -m pytest -n 2 "$@"
