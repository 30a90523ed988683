#!/bin/bash
# A watchdog that ends this node when SBD no longer can: the machine's own, or the kernel's in its place.
set -euo pipefail

for module in i6300esb softdog; do
    if modprobe "$module" 2>/dev/null && [ -e /dev/watchdog ]; then
        # Listed, or SBD may start before it and take corosync down with it.
        echo "$module" >/etc/modules-load.d/watchdog.conf
        exit 0
    fi
    modprobe --remove --quiet "$module" || true
done
echo "watchdog: no module gives /dev/watchdog: install the distribution's full kernel, not the one for clouds (Red Hat: kernel-modules)" >&2
exit 1
