#!/bin/sh
# Install git-datmo and the packages of its demo into .venv, and run the demo.
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
