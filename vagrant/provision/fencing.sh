#!/bin/bash
# SBD: a node that the others have marked on the small shared disk ends itself, and its watchdog ends it if it cannot.
set -euo pipefail
die() {
    echo "fencing: $*" >&2
    exit 1
}

device=$(sed -n 's/^sbd=//p' /etc/postfix-ha-disks)
[ -b "$device" ] || die "SBD's disk is not known: 'vagrant provision --provision-with disks,fencing'"
watchdog_s=$((5 * (SLOWNESS > 1 ? 4 : 1)))
if [ "$NODE_NUMBER" = 1 ] && ! sbd -d "$device" dump >/dev/null 2>&1; then
    sbd -d "$device" -1 $watchdog_s -4 $((2 * watchdog_s)) create >/dev/null || die "sbd could not write to $device"
fi
defaults=/etc/default/sbd
[ -d /etc/sysconfig ] && defaults=/etc/sysconfig/sbd
cat >"$defaults" <<END
SBD_DEVICE=$device
SBD_PACEMAKER=yes
SBD_STARTMODE=always
SBD_DELAY_START=no
SBD_WATCHDOG_DEV=/dev/watchdog
SBD_WATCHDOG_TIMEOUT=$watchdog_s
SBD_TIMEOUT_ACTION=flush,reboot
SBD_OPTS=
END
systemctl --quiet enable sbd
