#!/bin/sh
# Runs the checks and tests.
# usage: tests/run.sh [PATH|PYTEST-ARGUMENT...]; the variable PYTHON names another interpreter than python3.
#
# Without arguments: the checks of the code, then all tests, then the fast tests under the oldest and the newest other
# Python that git-datmo supports and that this machine has; under all of them if DATMO_ALL_PYTHONS is set. Needs root
# on Debian, for a container engine and the packages that tests use.
# With arguments: these tests alone. Installs only the Debian packages that these tests use, if they are missing.
set -eu
cd "$(dirname "$0")/.."
. tests/packages.sh

python=${PYTHON:-python3}
gits=${DATMO_TEST_GITS:-${XDG_CACHE_HOME:-$HOME/.cache}/git-datmo-tests/gits}

missing=

# usage: want PROGRAM PACKAGE. Adds the package to the missing ones, unless the program is installed.
want() { command -v "$1" >/dev/null || missing="$missing $2"; }

install_missing() {
  # shellcheck disable=SC2086  # one word is one package
  [ -z "$missing" ] || install_packages $missing
  missing=
}

make_venv() {
  "$python" -c 'import ensurepip, venv' 2>/dev/null || missing=python3-venv
  install_missing
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  # dash takes a file that does not exist for no older than another.
  if [ ! -f .venv/installed ] || [ pyproject.toml -nt .venv/installed ]; then
    .venv/bin/python -m pip install -q --disable-pip-version-check -e '.[test]'
    touch .venv/installed
  fi
  PATH=$PWD/.venv/bin:$PATH
  export PATH
}

want_ssh() { want /usr/sbin/sshd openssh-server; want ssh-keygen openssh-client; }
want_shells() { want zsh zsh; want fish fish; [ -f /usr/share/bash-completion/bash_completion ] || missing="$missing bash-completion"; }
want_image_tools() { want docker-registry docker-registry; want skopeo skopeo; want umoci umoci; }
want_engine() { want curl curl; want unshare util-linux; }

# Check the code. The hooks in .pre-commit-config.yaml run the same commands.
check_code() {
  ruff check .
  ruff format --check -q .
  mypy
  python -m tools.build_page --check
}

# Tests do not cut the power, so they need not wait for a disk.
run_pytest() {
  if command -v eatmydata >/dev/null; then eatmydata python -m pytest "$@"; else python -m pytest "$@"; fi
}

run_with_engine() {
  export DATMO_REQUIRE_ENGINE=1
  # An engine that is running is used as it is.
  if [ -n "${DOCKER_HOST:-}" ]; then run_pytest "$@"; return; fi
  if command -v eatmydata >/dev/null; then set -- eatmydata python -m pytest "$@"; else set -- python -m pytest "$@"; fi
  tests/container-engine.sh docker -- "$@"
}

# Run the tests that the arguments choose, with what they need.
run_chosen() {
  files=$(python -m pytest --collect-only "$@" --verbosity=-1 2>/dev/null | sed -n 's/::.*//p' | sort -u)
  [ -n "$files" ] || exec python -m pytest "$@" # it says why there are none
  # shellcheck disable=SC2086  # one word is one file
  uses() { grep -qE "$1" $files; }
  if uses 'ssh_host|serve_ssh|host: Host'; then want_ssh; export DATMO_REQUIRE_SERVERS=1; fi
  if uses 'needs_shells|"zsh"|"fish"'; then want_shells; fi
  if uses '"git-lfs"'; then want git-lfs git-lfs; fi
  if uses '"curl"'; then want curl curl; fi
  if uses 'tests.support.chromium'; then want chromium chromium; export DATMO_REQUIRE_BROWSER=1; fi
  if uses 'tests.support.firefox'; then want firefox-esr firefox-esr; fi
  if uses 'serve_registry|"skopeo"'; then want_image_tools; fi
  other_gits=
  case $files in *tests/gits/*) other_gits=1; want debootstrap debootstrap ;; esac
  engine=
  if uses 'engine_environ|engine_host'; then engine=1; [ -n "${DOCKER_HOST:-}" ] || want_engine; fi
  install_missing
  if [ -n "$other_gits" ] && tests/gits.sh; then export DATMO_REQUIRE_GITS=1; fi
  if [ -n "$engine" ]; then run_with_engine "$@"; else run_pytest "$@"; fi
}

run_all() {
  want_ssh
  want_shells
  want_engine
  want_image_tools
  want git-lfs git-lfs
  want chromium chromium
  want eatmydata eatmydata
  want debootstrap debootstrap
  install_missing
  # Firefox is large, and one test alone uses it, which is skipped without it.
  command -v firefox-esr >/dev/null || install_packages firefox-esr || echo "tests/run.sh: testing without Firefox" >&2
  check_code
  export DATMO_REQUIRE_SERVERS=1 DATMO_REQUIRE_BROWSER=1
  if tests/gits.sh; then export DATMO_REQUIRE_GITS=1; fi
  run_with_engine -n 3 --dist loadgroup
  run_other_pythons
}

# Print the interpreters of other series: on PATH, of pyenv, or of the Debian suites that tests/gits.sh installs.
# A suite's folder in "$gits" has the folder into which debootstrap installed the suite.
find_other_pythons() {
  for series in 3.10 3.11 3.12 3.13 3.14; do
    [ "$series" != "$1" ] || continue
    for found in "$(command -v "python$series" || :)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$series".*/bin/python \
      "$gits"/*/*/usr/bin/debootstrap-python; do
      if "$found" -c "import sys, venv; sys.exit(sys.version_info[:2] != (${series%.*}, ${series#*.}))" 2>/dev/null; then
        echo "$series $found"
        break
      fi
    done
  done
}

choose_pythons() {
  if [ -n "${DATMO_ALL_PYTHONS:-}" ]; then cat; else sed -n '1p;$p' | uniq; fi
}

run_other_pythons() {
  own=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  find_other_pythons "$own" | choose_pythons | while read -r series found; do
    echo "the fast tests under Python $series"
    [ -x ".venv-$series/bin/python" ] || "$found" -m venv --without-pip ".venv-$series"
    python -m pip --python ".venv-$series/bin/python" install -q --disable-pip-version-check pip -e '.[test]'
    # Texts and the structure of the code are the same under each Python.
    PATH=$PWD/.venv-$series/bin:$PATH python -m pytest -q -n 2 tests/unit --ignore=tests/unit/test_style.py \
      --ignore=tests/unit/test_layout.py --ignore=tests/unit/test_architecture.py --ignore=tests/unit/test_hints.py
  done
}

make_venv
if [ $# -eq 0 ]; then run_all; else run_chosen "$@"; fi
