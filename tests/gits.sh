#!/bin/sh
# Installs git and Python of other Debian suites below the user's cache, for tests with other versions.
# usage: tests/gits.sh, as root. DATMO_TEST_GITS names another folder than the cache.
#
# A suite has a folder of its own, and debootstrap installs Debian into its subfolder `root`:
#   trixie/root   a small Debian system, which is never booted; `debootstrap-python` in it starts its Python
#   trixie/bin    scripts that start the git of that system
# An existing folder is not made again. Remove it to make it anew. Exit 0 if trixie has git.
set -eu

gits=${DATMO_TEST_GITS:-${XDG_CACHE_HOME:-$HOME/.cache}/git-datmo-tests/gits}
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)

# bootstrap SUITE FOLDER: install Debian's SUITE into FOLDER/root.
bootstrap() {
  mkdir -p "$2"
  debootstrap --variant=minbase --include=ca-certificates,git,python3 "$1" "$2/root" "$mirror" >"$2/log" 2>&1
}

# wrap FOLDER: write FOLDER/bin, with a script for each git program of FOLDER/root.
# Each script starts its program by the dynamic loader of FOLDER/root, so no chroot is needed.
wrap() {
  root=$1/root bin=$1/bin.new
  rm -rf "$bin"
  mkdir "$bin"
  for path in "$root"/usr/lib/git-core/* "$root"/usr/bin/git-*; do
    name=${path##*/}
    if [ -e "$bin/$name" ] || [ -d "$path" ]; then
      continue
    elif [ -L "$path" ]; then
      ln -s "$(basename "$(readlink "$path")")" "$bin/$name"
    elif [ "$(head -c 4 "$path" | tail -c 3)" = ELF ]; then
      loader "$root" "$path" "GIT_EXEC_PATH='$1/bin'" >"$bin/$name"
      chmod +x "$bin/$name"
    else
      ln -s "$path" "$bin/$name"
    fi
  done
  rm -rf "$1/bin"
  mv "$bin" "$1/bin"
}

# loader ROOT PATH [SETTINGS]: print a script that starts the program PATH of ROOT, with SETTINGS in its environment.
loader() {
  echo '#!/bin/sh'
  echo "${3:-} exec '$1/lib64/ld-linux-x86-64.so.2' --argv0 \"\$0\" --library-path '$1/usr/lib/x86_64-linux-gnu' '$2' \"\$@\""
}

# wrap_python ROOT: write the script `debootstrap-python`, which starts the Python of ROOT.
# The script is in the folder of that Python, because virtual environments find their standard library from this folder.
wrap_python() {
  for python in "$1"/usr/bin/python3.[0-9]*; do
    case $python in *[0-9]) loader "$1" "$python" >"$1/usr/bin/debootstrap-python" ;; esac
  done
  chmod +x "$1/usr/bin/debootstrap-python"
}

make_suite() {
  if [ ! -x "$gits/$1/bin/git" ]; then
    rm -rf "${gits:?}/$1"
    bootstrap "$1" "$gits/$1" && wrap "$gits/$1" || return 1
  fi
  wrap_python "$gits/$1/root"
}

# Make the folder `backports`: trixie with the git of its backports.
make_backports() {
  [ ! -x "$gits/backports/bin/git" ] || return 0
  root=$gits/backports/root
  rm -rf "$gits/backports"
  bootstrap trixie "$gits/backports" || return 1
  echo "deb $mirror trixie-backports main" >"$root/etc/apt/sources.list.d/backports.list"
  {
    chroot "$root" apt-get update -q && chroot "$root" apt-get install -y -q -t trixie-backports git
  } >>"$gits/backports/log" 2>&1 && wrap "$gits/backports" || return 1
}

make_suite trixie || { echo "tests/gits.sh: cannot make trixie, see $gits/trixie/log" >&2; exit 1; }
make_suite sid || {
  echo "tests/gits.sh: cannot make sid today, see $gits/sid/log. Trixie and its backports take its place" >&2
  make_backports || echo "tests/gits.sh: cannot make trixie's backports, see $gits/backports/log" >&2
}
for git in "$gits"/*/bin/git; do
  echo "$git: $("$git" --version)"
done
