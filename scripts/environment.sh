# Makes or reuses the virtual environment .venv beside the repository root. Sourced by the other scripts, which need
# only ensure_environment; after it, "$root/.venv/bin" holds everything that requirements.lock names.
#
# PYTHON=/path/to/python chooses the interpreter that a new .venv is made with.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
venv="$root/.venv"

# What a person has set for other projects must not reach into this environment.
unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_NO_DEPS VIRTUAL_ENV
export PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

say() { printf '%s\n' "$*" >&2; }

# fail "what happened" "what to do next": ends the script.
fail() {
  say "✗ $1"
  [ $# -lt 2 ] || say "  → $2"
  exit 1
}

# Sets `python` to an interpreter of 3.11 or later, preferring one that can make a complete environment by itself.
find_python() {
  local candidate found second_best=""
  for candidate in "${PYTHON:-}" python3.11 python3 python3.12 python3.13 python3.14 python; do
    [ -n "$candidate" ] || continue
    # Asking for sys.executable looks through pyenv's and other version managers' shims.
    found="$("$candidate" -c 'import sys; print(sys.executable if sys.version_info >= (3, 11) else "")' 2>/dev/null)" || continue
    [ -n "$found" ] || continue
    if "$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then
      python="$found"
      return
    fi
    second_best="${second_best:-$found}"
  done
  if [ -n "$second_best" ]; then
    python="$second_best"
    return
  fi
  found="$(python3 --version 2>/dev/null || echo "no python3")"
  fail "Engagerr needs Python 3.11 or later; found $found." \
    "Install it (Debian 12, Ubuntu 23.04 and later: apt-get install python3 python3-venv), or name one: PYTHON=/path/to/python3.11 $0"
}

# One line that changes whenever an installed .venv is no longer the one wanted. The path is in it because the programs
# in .venv/bin name their interpreter by its full path, so a copied or moved .venv would run another folder's code.
wanted_stamp() {
  local sum
  if command -v sha256sum >/dev/null 2>&1; then
    sum="$(cat "$root/requirements.lock" "$root/pyproject.toml" | sha256sum)"
  else
    sum="$(cat "$root/requirements.lock" "$root/pyproject.toml" | shasum -a 256)"
  fi
  printf '%s %s\n' "${sum%% *}" "$root"
}

is_current() {
  [ -f "$venv/.engagerr-stamp" ] && [ ! -e "$venv/.engagerr-installing" ] && [ -x "$venv/bin/engagerr" ] &&
    [ "$(cat "$venv/.engagerr-stamp")" = "$(wanted_stamp)" ] && "$venv/bin/python" -I -S -c '' 2>/dev/null
}

# True for an environment that an install may go on top of: ours from before, or one that the person made.
is_usable() {
  [ -x "$venv/bin/python" ] && [ ! -e "$venv/.engagerr-installing" ] || return 1
  "$venv/bin/python" -I -c '
import os, sys
sys.exit(sys.version_info < (3, 11) or os.path.realpath(sys.prefix) != os.path.realpath(sys.argv[1]))' "$venv" 2>/dev/null || return 1
  # One that was copied or moved still names its old place.
  grep -qF "$venv" "$venv/bin/activate" 2>/dev/null
}

# make_environment LOG: a fresh .venv, by whichever way this machine has.
make_environment() {
  local log="$1"
  find_python
  say "Making .venv with $("$python" --version) ($python)"
  rm -rf "$venv" 2>>"$log" || fail "The old .venv could not be removed." "Remove it by hand: rm -rf '$venv'"
  mkdir "$venv" 2>>"$log" || fail "This folder is read-only: $root" "Copy it to a place where you may write."
  : >"$venv/.engagerr-installing"
  if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    "$python" -m venv "$venv" >>"$log" 2>&1 && return
  fi
  if "$python" -m virtualenv --version >/dev/null 2>&1; then
    "$python" -m virtualenv --quiet "$venv" >>"$log" 2>&1 && return
  elif command -v virtualenv >/dev/null 2>&1; then
    virtualenv --quiet --python "$python" "$venv" >>"$log" 2>&1 && return
  fi
  if "$python" -m pip --python "$python" --version >/dev/null 2>&1; then
    "$python" -m venv --without-pip "$venv" >>"$log" 2>&1 && return
  fi
  rm -rf "$venv"
  show_log "$log"
  fail "This Python cannot make a virtual environment: $python" "On Debian and Ubuntu: apt-get install python3-venv (or $(basename "$python")-venv), then run $0 again."
}

# venv_pip LOG ARGUMENTS…: the environment's own pip or, where it was made without one, the pip of a Python outside.
venv_pip() {
  local log="$1"
  shift
  if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$venv/bin/python" -m pip "$@" >>"$log" 2>&1
  else
    find_python
    "$python" -m pip --python "$venv/bin/python" "$@" >>"$log" 2>&1
  fi
}

show_log() {
  [ -s "$1" ] || return 0
  say "  the last lines of the log:"
  tail -n 15 "$1" | sed 's/^/  | /' >&2
  say "  all of it: $1"
}

install_packages() {
  local log="$1" stamp count started=$SECONDS
  stamp="$(wanted_stamp)"
  count="$(grep -c '^[A-Za-z0-9].*==' "$root/requirements.lock")"
  if [ -f "$venv/.engagerr-stamp" ]; then
    say "The pinned packages have changed; bringing .venv up to date…"
  else
    say "Installing $count packages (about a minute)…"
  fi
  : >"$venv/.engagerr-installing"
  if ! venv_pip "$log" install --require-hashes -r "$root/requirements.lock"; then
    show_log "$log"
    fail "The packages could not be installed." "Read the lines above (most often: no network, or a full disk), then run $0 again."
  fi
  if ! venv_pip "$log" install --no-deps --no-build-isolation -e "$root"; then
    show_log "$log"
    fail "Engagerr itself could not be installed into .venv." "Is pyproject.toml whole? Then remove .venv and run $0 again."
  fi
  printf '%s\n' "$stamp" >"$venv/.engagerr-stamp"
  rm -f "$venv/.engagerr-installing"
  say "Installed in $((SECONDS - started)) s"
}

# Two set-ups at once would write into each other's files, so the second waits here. The lock is on a file that is
# always there and only read, which leaves nothing behind, and a killed holder's lock goes with it.
take_turn() {
  exec 9<"$root/requirements.lock"
  if command -v flock >/dev/null 2>&1; then
    local outcome=0
    flock -n 9 || outcome=$?
    # 1 is "taken"; anything else is a file system without locks, where going on is better than not starting.
    [ "$outcome" -eq 1 ] || return 0
    say "Another set-up of this folder is running; waiting for it…"
    flock -w 900 9 || fail "The other set-up did not finish within 15 minutes." "End it, then run $0 again."
  elif command -v perl >/dev/null 2>&1; then
    # macOS has perl and no flock.
    perl -e 'use Fcntl ":flock"; open(my $f, "<&=", 9) or exit 0; flock($f, LOCK_EX)' || true
  fi
}

ensure_environment() {
  [ -f "$root/requirements.lock" ] || fail "requirements.lock is missing." "Restore it (git checkout requirements.lock), or make it: scripts/lock"
  if is_current; then
    return
  fi
  take_turn
  # The one we waited for may have done the work.
  if ! is_current; then
    local log
    if [ -e "$venv" ] && [ ! -w "$venv" ]; then
      fail ".venv is not yours to write: $venv" "Remove it as its owner, or work in your own copy of this folder."
    fi
    log="$(mktemp "${TMPDIR:-/tmp}/engagerr-install.XXXXXX")"
    trap 'rm -f "$log"; say "Interrupted. Run it again: what is half done is repaired."; exit 130' INT TERM
    is_usable || make_environment "$log"
    install_packages "$log"
    trap - INT TERM
    rm -f "$log"
  fi
  # Whatever the caller starts next must not hold the turn.
  exec 9<&-
}
