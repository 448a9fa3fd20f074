#!/usr/bin/env bash
# Connects accounts of fake platforms on this machine and syncs them: what comes, what it looks like when the network
# breaks and when an owner takes back what they allowed, and how each is mended. No account anywhere is needed.
#
# It works in a home of its own, which is gone afterwards; ENGAGERR_HOME, ENGAGERR_DATABASE__URL and PYTHON are used if
# they are set.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [ -n "${PYTHON:-}" ]; then
  python="$PYTHON"
else
  # shellcheck source=scripts/environment.sh
  . "$root/scripts/environment.sh"
  ensure_environment
  python="$venv/bin/python"
fi
place="$(mktemp -d)"
own_home=""
if [ -z "${ENGAGERR_HOME:-}" ]; then
  own_home="yes"
  export ENGAGERR_HOME="$place/home"
fi

clean_up() {
  [ -z "${fakes:-}" ] || kill "$fakes" 2>/dev/null || true
  [ -z "$own_home" ] || [ -n "${ENGAGERR_DATABASE__URL:-}" ] || "$python" -m engagerr db stop >/dev/null 2>&1 || true
  rm -rf "$place"
}
trap clean_up EXIT

# Shows a command, runs it, and shows how it ended: that is what a line of a crontab acts on.
try() {
  printf '\n$ %s\n' "$*"
  local outcome=0
  if [ "$1" = engagerr ]; then
    "$python" -m "$@" || outcome=$?
  else
    "$python" "$root/scripts/fake_platforms.py" "$@" || outcome=$?
  fi
  printf '[ended with %s]\n' "$outcome"
}

"$python" "$root/scripts/fake_platforms.py" serve --items 12 --env-file "$place/environment" >/dev/null &
fakes=$!
for _ in $(seq 300); do
  [ ! -e "$place/environment" ] || break
  sleep 0.1
done
# shellcheck source=/dev/null
. "$place/environment"
# A person waits longer for a platform to come back than a demonstration can.
export ENGAGERR_INTEGRATIONS__ATTEMPTS=1

echo "# Connect three accounts. The browser is a stand-in that allows everything."
try engagerr init --agency Northlight
try engagerr platform connect youtube --creator "Ann Lee"
try engagerr platform connect instagram --creator "Ann Lee"
try engagerr platform connect podcast --account podcast:https://feeds.podcast.example/ann/rss --creator "Ann Lee"

echo
echo "# Fetch what is there."
try engagerr sync run

echo
echo "# The network breaks: what landed stays, the rest says why and when it is tried again."
try break
try engagerr sync run --platform youtube --now
try engagerr sync status --platform youtube

echo
echo "# It is back, and something new was published meanwhile."
try mend
try publish youtube
try engagerr sync retry

echo
echo "# The owner takes back what they allowed: that needs a person, and says what to do."
try revoke instagram
try engagerr sync run --platform instagram --now
try engagerr platform connect instagram --account instagram:@ann
try engagerr sync run --platform instagram --now
try engagerr sync history
