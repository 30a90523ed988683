#!/bin/bash
# Installs what is missing of the packages that a node needs; asks no package source where nothing is.
set -euo pipefail
die() {
    echo "packages: $*" >&2
    exit 1
}

if command -v apt-get >/dev/null; then
    list=/tmp/packages.debian
    is_there() { [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
    fetch() {
        export DEBIAN_FRONTEND=noninteractive
        # Nothing starts with the distribution's example for its configuration.
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
        apt-get -qq update && apt-get -qq --yes -o APT::Install-Recommends=false install "$@"
    }
else
    list=/tmp/packages.redhat
    is_there() { rpm --quiet -q "$1"; }
    fetch() { dnf --quiet --assumeyes --enablerepo=highavailability install "$@"; }
fi

missing=() patterns=()
while read -r package; do
    case $package in
        \?*) patterns+=("$package") ;;
        *) is_there "$package" || missing+=("$package") ;;
    esac
done < <(grep -v '^#' "$list")
[ ${#missing[@]} = 0 ] || fetch "${missing[@]}" "${patterns[@]}" || die "could not be installed: ${missing[*]}; can this node reach its package source?"
