#!/bin/sh
# Installs git-datmo with what its demo needs into .venv, and plays the demo.
set -eu
cd "$(dirname "$0")/.."
. tests/packages.sh
python=${PYTHON:-python3}
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
  install_packages python3-venv
}
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install -q --disable-pip-version-check '.[demo]'
exec .venv/bin/git-datmo demo "$@"
