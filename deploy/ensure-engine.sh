#!/usr/bin/env bash
# Makes sure that a Docker engine answers and that `docker compose` (v2) works. Does nothing if both do.
# Otherwise, as root on Debian: installs the engine from Debian's own package and starts it in the background.
# Installs the compose plugin from the next release's package, because bookworm only has the old
# docker-compose.
set -euo pipefail
plugins=/usr/local/lib/docker/cli-plugins
log=/var/log/millrace-dockerd.log

say() { echo "engine: $*"; }
fail() { echo "engine: $*" >&2; exit 1; }
answers() { command -v docker >/dev/null && timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

if ! answers; then
  [ "$(id -u)" = 0 ] || fail "no Docker engine answers; start one, then run this again"
  command -v apt-get >/dev/null || fail "no Docker engine, and no apt-get to install one with"
  if ! command -v dockerd >/dev/null; then
    say "installing docker.io"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends docker.io iptables; } >"$log" 2>&1 ||
      { tail -5 "$log" >&2; fail "docker.io cannot be installed"; }
  fi
  if ! answers; then
    # The machine's route may carry packets of less than 1500 bytes (a tunnel). The bridge does not detect
    # that.
    device=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -1)
    mtu=$(cat "/sys/class/net/${device:-lo}/mtu")
    [ "$mtu" -le 1500 ] || mtu=1500
    say "starting dockerd, log $log"
    setsid dockerd --mtu "$mtu" >>"$log" 2>&1 </dev/null &
    for _ in $(seq 150); do answers && break; sleep 0.2; done
    answers || { tail -5 "$log" >&2; fail "dockerd does not answer"; }
  fi
fi

if ! docker compose version >/dev/null 2>&1; then
  [ "$(id -u)" = 0 ] || fail "docker compose v2 is not here; install the compose plugin, then run this again"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/\?$' | head -1)
  [ -n "$mirror" ] || fail "apt knows no Debian mirror to take the compose plugin from"
  say "taking the compose plugin from Debian trixie"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  mkdir -p "$work/lists/partial" "$work/archives/partial" "$plugins"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
  apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" -o APT::Sandbox::User=root)
  (cd "$work" && "${apt[@]}" update && "${apt[@]}" download docker-compose docker-buildx) >>"$log" 2>&1 ||
    { tail -5 "$log" >&2; fail "the compose plugin cannot be fetched"; }
  for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/files"; done
  for plugin in docker-compose docker-buildx; do
    install -m 755 "$work/files/usr/libexec/docker/cli-plugins/$plugin" "$plugins/"
  done
  docker compose version >/dev/null || fail "docker compose does not work after its installation"
fi
say "docker $(docker version --format '{{.Server.Version}}'), compose $(docker compose version --short)"
