#!/bin/bash
# The agent and the command, from the package that was built from the checkout.
set -euo pipefail
die() {
    echo "agent: $*" >&2
    exit 1
}

packages=(/tmp/package/*)
[ -f "${packages[0]}" ] || die "no package was brought to this node: run 'ci/packages build' on your machine, then 'vagrant provision'"
case ${packages[0]} in
    *.deb) DEBIAN_FRONTEND=noninteractive dpkg --install "${packages[0]}" >/dev/null ;;
    *.rpm) rpm --upgrade --replacepkgs --oldpackage "${packages[0]}" ;;
esac || die "${packages[0]##*/} could not be installed"
rm -r /tmp/package
