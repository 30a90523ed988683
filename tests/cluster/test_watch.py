"""The onlookers of the lab are not blind: they see a second mount, a lost message and a doubled one."""

import time

from tests.support.lab.config import MAILBOX, RECIPIENT
from tests.support.lab.node import QUEUE_MOUNT
from tests.support.machine.waiting import wait_for
from tests.support.mail.ledger import Event, Ledger, take_account


def test_watch_sees_a_second_mount(running_lab):
    running_lab.settle()
    other = next(node for node in running_lab.nodes.values() if not node.mounts_queue())
    watch = running_lab.watch
    begin, patience_s = time.monotonic(), 5 * running_lab.slowness
    # Read-only and without the journal, so that the disk does not suffer; at a place of no importance.
    other.run(["mkdir", "-p", "/mnt/second"], check=True)
    other.run(["mount", "-t", "ext4", "-o", "ro,noload", running_lab.shared_device, "/mnt/second"], check=True)
    try:
        wait_for(lambda: len(watch.now.mounts) == 2, patience_s, "the watch reports two mounts", every=0.005)
    finally:
        other.run(["umount", "/mnt/second"], check=True)
    wait_for(lambda: len(watch.now.mounts) == 1, patience_s, "the watch reports one mount", every=0.005)
    assert watch.worst() == (2, 1)
    # What this test did on purpose is not to be held against the cluster.
    watch.forgive(begin)
    assert watch.worst() == (1, 1)


def test_watch_sees_the_mount_and_the_master_of_the_service(lab):
    here = lab.where()
    assert lab.watch.now.mounts == (here,)
    assert lab.watch.now.masters == (here,)


def test_account_misses_a_message_that_was_deleted(lab):
    ledger = lab.client.ledger
    node = lab.nodes[lab.where()]
    name = node.run(["ls", f"{MAILBOX}/new"], check=True).stdout.split()[0]
    path = f"{MAILBOX}/new/{name}"
    content = node.read(path)
    assert f"To: {RECIPIENT}" in content
    node.run(["mv", path, f"{QUEUE_MOUNT}/aside"], check=True)
    try:
        account = lab.account(timeout=0)
    finally:
        node.run(["mv", f"{QUEUE_MOUNT}/aside", path], check=True)
    assert len(account.lost) == 1
    assert f"X-Number: {account.lost[0]}\n" in content
    assert account.lost[0] in ledger.acknowledged
    assert lab.account().lost == ()


def test_account_tells_lost_queued_and_doubled_apart():
    ledger = Ledger([Event(float(n), n, 1, "ack") for n in (1, 2, 3, 4)])
    delivered = [b"X-Number: 1\nX-Attempt: 1\n", b"X-Number: 2\nX-Attempt: 1\n", b"X-Number: 2\nX-Attempt: 2\n"]
    delivered += [b"X-Number: 9\nX-Attempt: 1\n"] * 2
    account = take_account(ledger, delivered, [b"...N\x0bX-Number: 3N\x0cX-Attempt: 1"])
    assert account.lost == (4,)
    assert account.duplicated == (2, 9)
    assert account.delivered_twice == (9,)
    assert account.queued == 1


def test_gap_is_the_longest_silence_that_touches_the_span():
    ledger = Ledger(
        [Event(t, 1, 1, kind) for t, kind in ((0, "ack"), (1, "fail"), (5, "greeting"), (6, "ack"), (9, "ack"))]
    )
    assert ledger.gap(2, 5.5) == 5
    assert ledger.gap(6.5, 7) == 3
