"""Every action ends within the operation's time: frozen trees, storage that hangs, what no signal can end."""

from collections.abc import Iterator
from signal import SIGSTOP

import pytest

from tests.node import states_processes as processes
from tests.node.scene import Scene, scene_of
from tests.node.states_surroundings import freeze
from tests.support.machine.process import NodeProcess
from tests.support.machine.waiting import wait_for
from tests.support.mail.node import ADDRESS, QUEUE


@pytest.fixture
def stored() -> "Iterator[Scene]":
    """A scene whose queue lies on a disk that can be frozen."""
    with scene_of(disk_mb=64) as scene:
        yield scene


@pytest.mark.parametrize("timeout_s", [2, 6])
def test_stop_of_a_frozen_tree_with_a_stuck_delivery_ends_in_time(timeout_s: int) -> None:
    with scene_of(main_cf=processes.STUCK_CF) as scene:
        processes.delivery_stuck(scene)
        for process in scene.mine():
            scene.kill(process, SIGSTOP)
        answer = scene.act("stop", timeout_s=timeout_s)
        assert answer.code == 0, answer
        assert answer.seconds < timeout_s
        assert scene.mine() == []
        assert processes.stuck_processes(scene) == []


def test_stop_in_order_does_not_use_up_its_time() -> None:
    with scene_of() as scene:
        scene.start()
        scene.stack.enter_context(scene.client())
        answer = scene.act("stop", timeout_s=60)
        assert answer.code == 0
        assert answer.seconds < 3


def test_the_orderly_end_of_a_delivery_is_waited_for() -> None:
    """TERM comes first: a delivery command that takes a second to end in order is not killed before."""
    with scene_of(main_cf=processes.STUCK_CF) as scene:
        trap = "trap 'sleep 1; echo orderly > /tmp/ended; exit 75' TERM"
        processes.delivery_stuck(scene, f"#!/bin/sh\n{trap}\n: > /tmp/stuck\nsleep 2002 & wait\n", sleepers=2)
        answer = scene.act("stop", timeout_s=20)
        assert answer.code == 0, answer
        assert scene.node.read("/tmp/ended") == "orderly\n"


# Storage that hangs


@pytest.mark.parametrize(("level", "code"), [(0, 0), (10, 0), (20, 1)])
def test_monitor_on_hung_storage_answers_in_time(stored: Scene, level: int, code: int) -> None:
    stored.start()
    stored.greet_once()
    freeze(stored)
    answer = stored.act("monitor", level=level, timeout_s=6)
    assert answer.code == code, answer
    assert answer.seconds < 6
    if code:
        assert answer.reasons == 1
        assert f"writing a test file in {QUEUE}" in answer.reason
        assert "; look for hung storage" in answer.reason


def test_probe_on_hung_storage_answers_from_the_kernel_alone(stored: Scene) -> None:
    freeze(stored)
    answer = stored.act("monitor", interval_s=0, timeout_s=6)
    assert (answer.code, answer.reasons) == (7, 0)
    assert answer.seconds < 6


def test_stop_on_hung_storage_succeeds_while_nobody_waits_for_it(stored: Scene) -> None:
    stored.start()
    freeze(stored)
    answer = stored.act("stop", timeout_s=6)
    assert answer.code == 0, answer
    assert stored.mine() == []
    stored.thaw()
    assert stored.node.queue.umount().stderr == ""


def hang_a_daemon(scene: Scene) -> NodeProcess:
    """Be a client that sends a message: cleanup hangs as it makes the queue file."""
    client = scene.node.socket()
    scene.stack.callback(client.close)
    client.settimeout(5)
    client.connect((ADDRESS, 25))
    lines = client.makefile("rwb")
    scene.stack.callback(lines.close)
    for command in (b"MAIL FROM:<a@example.com>", b"RCPT TO:<postmaster>"):
        assert lines.readline()[:1] == b"2"
        lines.write(command + b"\r\n")
        lines.flush()
    return wait_for(lambda: [p for p in scene.mine() if p.name == "cleanup" and p.state == "D"], 5, "it hangs")[0]


def test_stop_tells_the_truth_about_a_process_that_no_signal_ends(stored: Scene) -> None:
    stored.start()
    freeze(stored)
    hung = hang_a_daemon(stored)
    answer = stored.act("stop", timeout_s=6)
    assert (answer.code, answer.reasons) == (1, 1), answer
    assert answer.seconds < 6
    assert f"cleanup[{hung.pid}] (state D)" in answer.reason
    assert stored.node.exists(stored.snapshot), "the next stop needs to know what there was"
    assert stored.act("monitor", interval_s=0).code == 1
    stored.thaw()
    wait_for(lambda: not stored.mine(), 5, "the process ends when the storage goes on")
    assert stored.act("stop").code == 0
    assert stored.node.queue.umount().stderr == ""


def test_start_on_hung_storage_fails_in_time_and_stop_cleans_up(stored: Scene) -> None:
    freeze(stored)
    answer = stored.act("start", timeout_s=6)
    assert (answer.code, answer.reasons) == (1, 1), answer
    assert answer.seconds < 6
    assert "hung storage" in answer.reason
    assert stored.act("monitor", interval_s=0).code in (1, 7)
    stored.thaw()
    assert stored.act("stop").code == 0
    assert stored.mine() == []
    assert stored.act("start").code == 0


def test_a_start_that_hangs_at_its_last_step_ends_what_it_started(stored: Scene) -> None:
    """Postfix runs and greets, and then the snapshot cannot be written: the failed start leaves no process."""
    stored.node.mount_disk("/mnt/run", size_mb=16)
    freeze(stored, "/mnt/run")
    answer = stored.act("start", timeout_s=12, env={"HA_RSCTMP": "/mnt/run"})
    assert (answer.code, answer.reasons) == (1, 1), answer
    assert answer.seconds < 12
    assert "daemon started" in stored.node.mail_log()
    assert stored.mine() == []


def test_a_resolver_that_does_not_answer_holds_up_nothing(stored: Scene) -> None:
    """The name in inet_interfaces is asked of a server that never answers; a running instance needs no name."""
    main_cf = stored.node.read("/etc/postfix/main.cf").replace("198.51.100.100, localhost", "$myhostname")
    stored.node.write("/etc/postfix/main.cf", main_cf)
    stored.node.age("/etc/postfix/main.cf")
    stored.start()
    stored.node.write("/etc/hosts", "127.0.0.1 localhost\n")
    stored.node.write("/etc/resolv.conf", "nameserver 198.51.100.100\n")
    server = "import socket, time; s = socket.socket(2, 2); s.bind(('198.51.100.100', 53)); time.sleep(999)"
    stored.spare("/usr/bin/python3", "-c", server)
    stored.run("rm", stored.snapshot)
    calls = (("monitor", 0, (0,)), ("monitor", 10, (0, 190)), ("stop", None, (0,)), ("start", None, (1, 5)))
    for action, level, codes in calls:
        answer = stored.act(action, level=level, timeout_s=5)
        assert answer.code in codes, answer
        assert answer.seconds < 5
    assert "mail.example.com" in answer.reason
