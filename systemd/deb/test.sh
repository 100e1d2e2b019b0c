#!/usr/bin/env bash
# Installs, upgrades, removes and purges the package in a Debian of its own,
# made in a folder from the mirror that this machine's apt uses. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."

read -r mirror suite < <(apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' | head -n 1)
for left in /tmp/parley-debian.*.*; do # of a run that was killed
  pid=${left#*debian.}
  [ ! -d "$left" ] || [ -d "/proc/${pid%%.*}" ] || rm -rf --one-file-system "$left"
done
root=$(mktemp -d "/tmp/parley-debian.$$.XXXXXX")
chmod 0755 "$root" # it is the / of another user inside
trap 'rm -rf --one-file-system "$root"' EXIT
say() { echo "package: $*"; }
fail() { echo "package: $*" >&2; exit 1; }
inside() { chroot "$root" env PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
mode() { [ "$(inside stat -c '%a %U:%G' "$2")" = "$1" ] || fail "$2 is $(inside stat -c '%a %U:%G' "$2"), not $1"; }

say "making a $suite"
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { cat "$root.log"; exit 1; }
rm -f "$root.log"

make -s deb DEB_VERSION=1.0.0 DEB="$root/one.deb"
make -s deb DEB_VERSION=1.1.0 DEB="$root/two.deb"

say "installing"
inside dpkg -i /one.deb >/dev/null
inside getent passwd parley >/dev/null || fail "there is no user parley"
mode '2750 root:parley' /etc/parley
mode '640 root:parley' /etc/parley/config.toml
mode '700 parley:parley' /var/lib/parley
inside parley version
for f in /usr/lib/systemd/system/parley.{service,socket} /usr/lib/sysusers.d/parley.conf /usr/lib/sysctl.d/50-parley.conf \
  /usr/share/man/man1/parley.1.gz /usr/share/man/man5/parley.toml.5.gz /usr/share/doc/parley/README.md; do
  [ -s "$root$f" ] || fail "$f is missing"
done
for key in $(sed -n 's/^#\([a-z_]*\) = .*/\1/p' config.toml); do
  zgrep -q "^.fB$key = " "$root/usr/share/man/man5/parley.toml.5.gz" || fail "parley.toml(5) does not know $key"
done
inside su -s /bin/sh parley -c 'parley check'
inside parley token -name Bob -room kitchen >/dev/null # before the first start, as root: the service must read the key
echo 'correct horse' | inside parley user add ann -file /etc/parley/users
inside su -s /bin/sh parley -c 'cat /etc/parley/users' >/dev/null || fail "the service cannot read the users that root adds"
mode '640 root:parley' /etc/parley/users
echo 'open sesame' | inside sh -c 'umask 027; cat >/etc/parley/password'
mode '640 root:parley' /etc/parley/password

say "serving as the user of the service"
# No ports of others: the folder shares this machine's network.
export PARLEY_HTTP_LISTEN=127.0.0.1:18980 PARLEY_RELAY_LISTEN=127.0.0.1:18978 PARLEY_ADMIN_LISTEN=127.0.0.1:18990
chroot --userspec=parley:parley "$root" /usr/bin/parley serve >"$root/serve.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT
for _ in $(seq 100); do grep -q 'Parley is ready\.' "$root/serve.log" && break; sleep 0.1; done
chroot "$root" /usr/bin/parley doctor || { cat "$root/serve.log"; fail "the doctor is not content"; }
kill $server
wait $server || true
unset PARLEY_HTTP_LISTEN PARLEY_RELAY_LISTEN PARLEY_ADMIN_LISTEN
mode '600 parley:parley' /var/lib/parley/session-key

say "upgrading"
echo '# mine' >>"$root/etc/parley/config.toml"
key=$(sha256sum "$root/var/lib/parley/session-key")
inside dpkg -i /two.deb >/dev/null
[ "$(inside dpkg-query -W -f '${Version}' parley)" = 1.1.0 ] || fail "the version did not change"
grep -q '# mine' "$root/etc/parley/config.toml" || fail "the upgrade overwrote the configuration"
mode '640 root:parley' /etc/parley/config.toml
[ "$key" = "$(sha256sum "$root/var/lib/parley/session-key")" ] || fail "the upgrade made new secrets"

say "removing"
inside dpkg -r parley >/dev/null
[ ! -e "$root/usr/bin/parley" ] || fail "the program is left"
[ -e "$root/etc/parley/config.toml" ] || fail "a removal took the configuration"
inside dpkg -P parley >/dev/null
left=$(find "$root/etc" "$root/usr" "$root/var/lib/parley" -path "$root/usr/share/zoneinfo" -prune -o -name '*parley*' -print 2>/dev/null || true)
[ -z "$left" ] || fail "purging left $left"
say "ok"
