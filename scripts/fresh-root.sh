#!/usr/bin/env bash
# The whole check as a newcomer would meet it: a bare Debian root from debootstrap with node, npm and git, a fresh clone
# of HEAD in it, `npm test`. Needs root, debootstrap and Node on this machine. The root is thrown away afterwards.
#   scripts/fresh-root.sh [--keep] [COMMAND...]      COMMAND instead of `npm test`; --keep leaves the root and names it
# NODE_VERSION (20) and NPM_VERSION (11) say what is put inside. FRESH_ROOT names the folder in which it is made.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
keep=false
if [ "${1:-}" = --keep ]; then keep=true && shift; fi
[ $# -gt 0 ] || set -- npm test

if [ "$(id -u)" != 0 ]; then echo "fresh-root: only root can make a root. Run: sudo $0" >&2 && exit 1; fi
if ! command -v debootstrap >/dev/null; then
  echo "fresh-root: debootstrap is missing. Run: apt-get install debootstrap" >&2
  exit 1
fi

top=$(mktemp -d "${FRESH_ROOT:-/var/tmp}/fresh-root.XXXXXX")
clean_up() {
  for mounted in proc home/shared; do
    if mountpoint -q "$top/$mounted" && ! umount "$top/$mounted"; then keep=true; fi # never delete through a mount
  done
  if $keep; then echo "fresh-root: kept in $top" >&2; else rm -rf --one-file-system "$top"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# The mirror that this machine uses for Debian's main suite.
suite=bookworm
mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
  awk -v suite="$suite" '$1 == "Debian" && $2 == suite { print $3; exit }')
debootstrap --variant=minbase --include=ca-certificates,git "$suite" "$top" "${mirror:-http://deb.debian.org/debian}" \
  >"$top.log" 2>&1 || { tail -n 20 "$top.log" >&2 && exit 1; }
rm -f "$top.log"

# What this machine needs to reach the network: name server, trusted certificates, proxies, npm's settings.
cp -L /etc/resolv.conf "$top/etc/resolv.conf"
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  cp -L /etc/ssl/certs/ca-certificates.crt "$top/etc/ssl/certs/ca-certificates.crt"
fi
for proxy in /etc/apt/apt.conf.d/*proxy*; do
  if [ -f "$proxy" ]; then cp "$proxy" "$top/etc/apt/apt.conf.d/"; fi
done
environment=(HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "npm_config_registry=$(npm config get registry)")
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
  if [ -n "${!name:-}" ]; then environment+=("$name=${!name}"); fi
done

# Node and npm from npm's own packages.
case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "fresh-root: no Node here" >&2 && exit 1 ;; esac
packed=$(mktemp -d)
(cd "$packed" && npm pack --silent "node-linux-$arch@${NODE_VERSION:-20}" "npm@${NPM_VERSION:-11}" >/dev/null)
modules=$top/usr/local/lib/node_modules
mkdir -p "$modules/node" "$modules/npm"
tar -xzf "$packed"/node-linux-*.tgz -C "$modules/node" --strip-components=1
tar -xzf "$packed"/npm-*.tgz -C "$modules/npm" --strip-components=1
rm -rf "$packed"
ln -s ../lib/node_modules/node/bin/node "$top/usr/local/bin/node"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$top/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$top/usr/local/bin/npx"

git clone --quiet --no-hardlinks "$repository" "$top/home/main"
mount -t proc proc "$top/proc"
if [ -d "$repository/../shared" ]; then
  mkdir "$top/home/shared"
  mount --bind "$repository/../shared" "$top/home/shared"
  mount -o remount,bind,ro "$top/home/shared"
fi
inside() { env -i "${environment[@]}" chroot "$top" "$@"; }
echo "fresh-root: Debian $suite, node $(inside node --version), npm $(inside npm --version), commit" \
  "$(git -C "$top/home/main" rev-parse --short HEAD)"
inside sh -c 'cd /home/main && exec "$@"' sh "$@"
