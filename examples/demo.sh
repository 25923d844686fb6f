#!/bin/sh
# Installs git-datmo with what its demo needs into .venv, and plays the demo.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "examples/demo.sh: please install python3-venv" >&2; exit 1; }
  { apt-get install -y -q python3-venv || { apt-get update -q && apt-get install -y -q python3-venv; }; } >/dev/null 2>&1
}
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install -q --disable-pip-version-check '.[demo]'
exec .venv/bin/git-datmo demo "$@"
