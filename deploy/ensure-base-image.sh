#!/usr/bin/env bash
# Makes sure that the image node:24-bookworm-slim exists. Pulls it if a registry answers. Otherwise makes a
# stand-in from Debian's packages and npm's Node, so that the Dockerfile also builds on a machine without a
# registry.
set -euo pipefail
image=node:24-bookworm-slim
authorities=/usr/local/share/ca-certificates

say() { echo "base image: $*"; }
fail() { echo "base image: $*" >&2; exit 1; }

if docker image inspect "$image" >/dev/null 2>&1; then say "$image is there"; exit 0; fi
if timeout 120 docker pull -q "$image" >/dev/null 2>&1; then say "pulled $image"; exit 0; fi
[ "$(id -u)" = 0 ] || fail "$image cannot be pulled, and making a stand-in needs root"

work=$(mktemp -d)
unmount() { for place in proc sys dev; do umount -R "$work/root/$place" 2>/dev/null || true; done; rm -rf --one-file-system "$work"; }
trap unmount EXIT
command -v debootstrap >/dev/null ||
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends debootstrap; } >"$work/log" 2>&1 ||
  { tail -5 "$work/log" >&2; fail "debootstrap cannot be installed"; }
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/\?$' | head -1)
say "no registry answers: making a stand-in from Debian's packages"
debootstrap --variant=minbase bookworm "$work/root" "$mirror" >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; fail "debootstrap failed"; }
unset_size=$(du -sm "$work/root" | cut -f1)
rm -rf "$work/root/var/cache/apt"/* "$work/root/var/lib/apt/lists"/* "$work/root/usr/share/doc"/* "$work/root/usr/share/man"/*
say "Debian is there ($unset_size MiB before cleaning); adding Node 24"

# Copy the machine's own certificate authorities, if it has any: npm in the container may need them to
# connect.
if compgen -G "$authorities/*.crt" >/dev/null; then
  mkdir -p "$work/root$authorities"
  cp "$authorities"/*.crt "$work/root$authorities/"
  cat "$authorities"/*.crt >"$work/root$authorities/extra.pem"
  trust=(-c "ENV NODE_EXTRA_CA_CERTS=$authorities/extra.pem")
fi
case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) fail "npm has no Node for $(uname -m)" ;; esac
(
  cd "$work"
  npm pack --silent "node-linux-$arch@24.21.0" "npm@11" >packed
  local="$work/root/usr/local"
  mkdir -p "$local/bin" "$local/lib/node_modules/npm"
  tar xzf "$(grep '^node-linux' packed)" -C "$local" --strip-components=1 --no-same-owner package/bin/node
  tar xzf "$(grep '^npm-' packed)" -C "$local/lib/node_modules/npm" --strip-components=1 --no-same-owner
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$local/bin/npx"
  chmod -R a+rX "$local"
  chmod a+x "$local/lib/node_modules/npm/bin"/*-cli.js
) || fail "Node cannot be fetched from npm"
chroot "$work/root" groupadd --gid 1000 node
chroot "$work/root" useradd --uid 1000 --gid node --shell /bin/bash --create-home node
tar -C "$work/root" --numeric-owner --one-file-system --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -c . |
  docker import -c 'CMD ["node"]' "${trust[@]}" - "$image" >/dev/null
say "made a stand-in for $image: $(docker run --rm "$image" node --version)"
