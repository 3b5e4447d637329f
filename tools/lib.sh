# Shared by run-tests and run-demo: installing what is missing, numbered steps with a log each.
# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash disable=SC2034,SC2154 # variables shared with the scripts that read this file

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs
jobs=$(nproc 2>/dev/null || echo 2)
base_packages=(g++ cmake ninja-build pkg-config libboost1.81-dev libboost-test1.81-dev libfmt-dev libcli11-dev
  libssl-dev)

cd "$root" || exit 1
exec </dev/null
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive CTEST_COLOR_OUTPUT=0

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Installs the named Debian packages that are missing; touches neither the network nor sudo if none is.
need_packages() {
  local package missing=() as_root=()
  if ! command -v apt-get >/dev/null; then
    echo "This is no Debian: make sure that you have what these packages hold: $*"
    return
  fi
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "missing packages; run as root: apt-get install ${missing[*]}"
    as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive)
  fi
  mkdir -p "$logs"
  echo "installing ${missing[*]}"
  if installed libboost1.74-dev && [[ " ${missing[*]} " == *" libboost1.81-dev "* ]]; then
    echo "(Debian has the two Boost versions exclude each other: libboost1.81-dev replaces libboost1.74-dev)"
  fi
  "${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=120 update >"$logs/apt.log" 2>&1 ||
    echo "apt-get update failed (see build/logs/apt.log); trying with the package lists that are there"
  "${as_root[@]}" apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 install "${missing[@]}" \
    >>"$logs/apt.log" 2>&1 ||
    die "could not install ${missing[*]}; see build/logs/apt.log, or run yourself: apt-get install ${missing[*]}"
}

# A second build from nothing is then quick. A cache that does not work here is not used.
use_ccache() {
  local probe
  command -v ccache >/dev/null || return 0
  probe=$(mktemp -d)
  echo 'int probe;' >"$probe/probe.cpp"
  if ccache g++ -c "$probe/probe.cpp" -o "$probe/probe.o" 2>/dev/null; then
    # The same file is compiled in the folders of several tests: the folder need not be in the debug information.
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_NOHASHDIR=1
  fi
  rm -rf "$probe"
}

# step <name> <command...>: announces it as [3/9], runs it with its output in a log, and reports how it went.
# Returns the command's status. The caller sets step_count; verbose=1 shows the output too.
step_number=0
step() {
  local name=$1 begin=$SECONDS status=0
  shift
  step_number=$((step_number + 1))
  step_log=$logs/$(printf '%02d' "$step_number")-${name//[^A-Za-z0-9_-]/-}.log
  mkdir -p "$logs"
  printf '[%d/%d] %s ...\n' "$step_number" "$step_count" "$name"
  if [ "${verbose:-0}" = 1 ]; then
    "$@" 2>&1 | tee "$step_log" || status=$?
  else
    "$@" >"$step_log" 2>&1 || status=$?
  fi
  if [ "$status" = 0 ]; then
    printf '[%d/%d] %s: done in %d s\n' "$step_number" "$step_count" "$name" $((SECONDS - begin))
  else
    printf '[%d/%d] %s: FAILED after %d s, log: %s\n' \
      "$step_number" "$step_count" "$name" $((SECONDS - begin)) "${step_log#"$root"/}"
    [ "${verbose:-0}" = 1 ] || tail -n 40 "$step_log" | sed 's/^/    /'
  fi
  return "$status"
}
