"""Every state of an instance and its node, and what each action answers in it.

A row of the table is a state and the exit codes of probe, monitor at levels 0, 10 and 20, start and stop. Of a state,
one node answers the monitors, which must not change it, and then start; another one answers stop.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Callable

import pytest

from tests.node import states_files as files
from tests.node import states_processes as processes
from tests.node import states_surroundings as around
from tests.node.scene import PID_FILE, SECOND_ADDRESS, SECOND_CONFIG, UNWANTED, Scene
from tests.support.mail.node import ADDRESS, MAIN_CF, QUEUE, Answer, MailNode

NOT_RUNNING, DEGRADED = 7, 190
LOG_LINES_MAX = 4


class Row:
    """A state, the codes of each action in it, and what the reasons must name.

    ``says`` is for monitors, ``refuses`` for a failing start, ``keeps`` whether a start leaves the running master
    alone. ``disk_mb`` asks for an ext4 where it matters, ``greeting_s`` and ``timeout_s`` shorten a wait.
    """

    def __init__(self, make: "Callable[[Scene], None]", codes: "tuple[int, ...]", **more: object) -> None:
        self.make = make
        self.probe, self.level_0, self.level_10, self.level_20, self.start, self.stop = codes
        self.says = more.pop("says", "")
        self.refuses = more.pop("refuses", "")
        self.keeps = more.pop("keeps", False)
        self.disk_mb = more.pop("disk_mb", None)
        self.greeting_s = more.pop("greeting_s", 5)
        self.timeout_s = more.pop("timeout_s", 20)
        self.main_cf = f"{MAIN_CF}{more.pop('main_cf', '')}\n"
        assert not more, more


# Who lives goes on, and nothing new can start, so that a transaction waits for trivial-rewrite or cleanup.
HELD_UP = {"says": "answers (MAIL|RCPT) with nothing", "keeps": True, "timeout_s": 4}
UNMOUNTED = {"refuses": "queue directory /mnt/queue/postfix does not exist", "disk_mb": 64}
BRIEF = {"greeting_s": 1}
STUCK = {"timeout_s": 8, "main_cf": processes.STUCK_CF}

ROWS = [
    #                               probe monitor 0, 10, 20  start stop
    Row(processes.healthy, (0, 0, 0, 0, 0, 0), keeps=True, disk_mb=64),
    Row(processes.healthy_by_hand, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(processes.never_started, (7, 7, 7, 7, 0, 0), disk_mb=64),
    Row(processes.stopped, (7, 7, 7, 7, 0, 0)),
    Row(processes.stopped_by_hand, (7, 7, 7, 7, 0, 0)),
    Row(processes.master_killed_all_gone, (7, 7, 7, 7, 0, 0)),
    Row(processes.master_killed_qmgr_frozen, (1, 1, 1, 1, 0, 0), says=r"qmgr\[", disk_mb=64),
    Row(processes.orphans_unrecorded, (1, 1, 1, 1, 0, 0), says=r"qmgr\["),
    Row(processes.orphan_with_client, (1, 1, 1, 1, 0, 0), says=r"smtpd\["),
    Row(processes.master_frozen, (1, 1, 1, 1, 0, 0), says="frozen", timeout_s=8),
    Row(processes.all_frozen, (1, 1, 1, 1, 0, 0), says="frozen", disk_mb=64, timeout_s=8),
    Row(processes.smtpd_frozen, (0, 0, 1, 1, 0, 0), says="no greeting from .*:25", **BRIEF),
    Row(processes.qmgr_frozen, (0, 0, 0, 1, 0, 0), says="qmgr .*frozen"),
    Row(processes.pickup_frozen, (0, 0, 0, 1, 0, 0), says="pickup .*frozen"),
    Row(processes.delivery_stuck, (0, 0, 0, 0, 0, 0), keeps=True, disk_mb=64, **STUCK),
    # A delivery command is the recipient's: without its daemon nothing tells it from what any user runs in the queue.
    Row(processes.delivery_orphaned, (7, 7, 7, 7, 0, 0), **STUCK),
    Row(processes.second_instance, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(processes.second_instance_alone, (7, 7, 7, 7, 0, 0)),
    Row(processes.second_instance_beside_orphans, (1, 1, 1, 1, 0, 0), says=r"qmgr\["),
    Row(processes.data_directory_shared, (7, 7, 7, 7, 1, 0), refuses=r"/var/lib/postfix .*process \d+ .*postfix2"),
    Row(processes.queue_directory_shared, (7, 7, 7, 7, 1, 0), refuses=r"/mnt/queue/postfix .*process \d+ .*postfix2"),
    Row(processes.port_shared, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(processes.port_taken_by_postfix, (7, 7, 7, 7, 1, 0), refuses=r"100:25 .*master\[\d+\] of /etc/postfix2"),
    Row(processes.upgraded, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(processes.upgraded_unrecorded, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(processes.daemons_moved, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(processes.daemons_moved_orphaned, (1, 1, 1, 1, 0, 0), says=r"qmgr\["),
    Row(processes.master_zombie, (7, 7, 7, 7, 0, 0)),
    Row(files.config_gone, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(files.config_gone_unrecorded, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(files.config_gone_stopped, (7, 7, 7, 7, 5, 0), refuses="no main.cf in /etc/postfix"),
    Row(files.main_cf_gone, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(files.main_cf_gone_stopped, (7, 7, 7, 7, 5, 0), refuses="no main.cf in /etc/postfix"),
    Row(files.master_cf_gone_stopped, (7, 7, 7, 7, 5, 0), refuses="no master.cf in /etc/postfix"),
    Row(files.config_on_queue, (0, 0, 0, 0, 0, 0), keeps=True, disk_mb=64),
    Row(files.config_on_queue_unmounted, (7, 7, 7, 7, 5, 0), refuses="no main.cf in /mnt/queue/conf", disk_mb=64),
    Row(files.binary_gone, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.binary_gone_stopped, (7, 7, 7, 7, 5, 0), refuses="/usr/sbin/postfix cannot be run"),
    Row(files.binary_elsewhere_stopped, (7, 7, 7, 7, 5, 0), refuses="/opt/postfix/sbin/postfix cannot be run"),
    Row(files.postconf_gone, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.postconf_gone_stopped, (7, 7, 7, 7, 5, 0), refuses="/usr/sbin/postconf is not an executable file"),
    Row(files.package_removed, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(files.daemon_gone_stopped, (7, 7, 7, 7, 5, 0), refuses="smtpd is not an executable file"),
    Row(files.pid_file_lost, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.pid_file_garbage, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.pid_file_of_innocent, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.pid_file_of_innocent_unrecorded, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.pid_file_replaced, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.pid_file_stale, (7, 7, 7, 7, 0, 0)),
    Row(files.both_locks_lost, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_lost, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_garbage, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_cut, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_of_other_boot, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_of_other_process, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_of_other_process_stopped, (7, 7, 7, 7, 0, 0)),
    Row(files.snapshot_link, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_fifo, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_directory, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_world_writable, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.snapshot_of_other_user, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.service_added, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.address_added, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(files.address_added_unrecorded, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(files.queue_directory_edited, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(files.queue_directory_edited_unrecorded, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(files.main_cf_broken, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(files.main_cf_broken_unserved, (0, 0, 1, 1, 5, 0), says="no greeting", refuses="main.cf, line 12", **BRIEF),
    Row(files.main_cf_broken_stopped, (7, 7, 7, 7, 5, 0), refuses="main.cf, line 12"),
    Row(files.master_cf_broken, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.master_cf_broken_unrecorded, (0, 0, 0, 0, 0, 0), keeps=True),
    Row(files.master_cf_broken_stopped, (7, 7, 7, 7, 5, 0), refuses=r"master.cf, line \d+: too few fields"),
    Row(around.queue_read_only, (1, 1, 1, 1, 1, 0), says="Read-only", refuses="Read-only", disk_mb=64),
    Row(around.queue_read_only_stopped, (7, 7, 7, 7, 1, 0), refuses="read-only", disk_mb=64),
    Row(around.queue_nearly_full, (0, 0, 0, 190, 0, 0), says=r"[34]\.\d MB left and 15\.", keeps=True, disk_mb=64),
    Row(around.queue_full, (0, 0, 0, 190, 0, 0), says=r"0\.\d MB left", keeps=True, disk_mb=64),
    Row(around.queue_full_stopped, (7, 7, 7, 7, 1, 0), refuses="No space left|room", disk_mb=64),
    Row(around.queue_full_after_a_run, (7, 7, 7, 7, 0, 0), disk_mb=64),
    Row(around.queue_without_inodes, (0, 0, 0, 190, 0, 0), says="0 inodes left", keeps=True, disk_mb=32, timeout_s=4),
    Row(around.queue_without_inodes_stopped, (7, 7, 7, 7, 1, 0), refuses="No space left|inodes", disk_mb=32),
    Row(around.queue_unmounted, (7, 7, 7, 7, 5, 0), **UNMOUNTED),
    Row(around.queue_lazily_unmounted, (0, 0, 0, 1, 5, 0), says="/mnt/queue/postfix", **UNMOUNTED),
    Row(around.queue_lazily_unmounted_unrecorded, (0, 0, 0, 1, 5, 0), **UNMOUNTED),
    Row(around.orphans_on_lazily_unmounted, (1, 1, 1, 1, 5, 0), says=r"qmgr\[", **UNMOUNTED),
    Row(around.address_lost, (1, 1, 1, 1, 1, 0), says="198.51.100.100", refuses="198.51.100.100.*not on this node"),
    Row(around.address_lost_stopped, (7, 7, 7, 7, 1, 0), refuses="198.51.100.100.*not on this node"),
    Row(around.name_lost, (0, 0, 0, 190, 0, 0), **HELD_UP),
    Row(around.name_lost_stopped, (7, 7, 7, 7, 5, 0), refuses="mail.example.com"),
    Row(around.port_taken, (7, 7, 7, 7, 1, 0), refuses=r"100:25 .*python3.*\[\d+\]"),
    Row(around.busy, (0, 0, 190, 190, 0, 0), says="all 2 processes", keeps=True, **BRIEF),
    Row(around.accept_queue_full, (0, 0, 190, 190, 0, 0), says="all 2 processes", keeps=True, **BRIEF),
    Row(around.accept_queue_full_of_frozen, (0, 0, 1, 1, 0, 0), says="no greeting", **BRIEF),
]  # fmt: skip


@pytest.fixture
def scene(row: Row) -> "Iterator[Scene]":
    """A node in the row's state."""
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(MailNode(disk_mb=row.disk_mb, main_cf=row.main_cf))
        scene = Scene(node, stack, row.greeting_s)
        scene.timeout_s = row.timeout_s
        row.make(scene)
        yield scene


every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.make.__name__)


@every_row
def test_monitor(row: Row, scene: Scene) -> None:
    before, mail_log = steadfast(scene), len(scene.node.mail_log())
    check_monitors(row, scene)
    assert before <= scene.pids(), "a monitor changed the state"
    assert_log_clean(scene, mail_log)
    assert_spared(scene)


@every_row
def test_start(row: Row, scene: Scene) -> None:
    kept = scene.masters() if row.keeps else set()
    answer = scene.act("start", timeout_s=max(20, scene.timeout_s))
    assert answer.code == row.start, f"{answer}\n{scene.node.mail_log()}{scene.node.cluster_log()}"
    assert_answer(answer, row.start, row.refuses)
    if row.start == 0:
        assert_serves(scene)
        assert not row.keeps or (kept and kept <= scene.pids())
    else:
        assert_nothing_left(scene)
    assert_spared(scene)


@every_row
def test_stop(row: Row, scene: Scene) -> None:
    answer = scene.act("stop")
    assert_answer(answer, row.stop)
    assert answer.seconds < scene.timeout_s
    assert scene.mine() == []
    assert processes.stuck_processes(scene) == []
    assert_spared(scene)
    assert_unmounts(scene)
    assert scene.act("monitor", interval_s=0).code == NOT_RUNNING


def test_two_instances_under_the_agent_do_not_touch_each_other() -> None:
    with contextlib.ExitStack() as stack:
        scene = Scene(stack.enter_context(MailNode(disk_mb=None)), stack, 5)
        scene.start_second()
        scene.start()
        for params, other in (({}, scene.second), ({"config_dir": SECOND_CONFIG}, scene.mine)):
            steady = {process.pid for process in other() if process.name in ("master", "qmgr", "pickup")}
            for action, code in (
                ("monitor", 0),
                ("stop", 0),
                ("monitor", 7),
                ("stop", 0),
                ("start", 0),
                ("monitor", 0),
            ):
                answer = scene.node.agent(action, params=params, level=20 if action == "monitor" else None)
                assert answer.code == code, answer
                assert steady <= scene.pids()
        for address in (ADDRESS, SECOND_ADDRESS):
            assert scene.node.greeting(address).startswith("220 ")


def steadfast(scene: Scene) -> "set[int]":
    """The processes that no client's coming and going ends."""
    return {p.pid for p in scene.mine() if p.state == "T" or p.name in ("master", "qmgr", "pickup", "stuck", "sleep")}


def check_monitors(row: Row, scene: Scene) -> None:
    """Ask for the state at each level, twice at level 0, and check the answers and what they log."""
    expected = [(0, 0, row.probe), (10, 0, row.level_0), (10, 10, row.level_10), (10, 20, row.level_20)]
    for interval_s, level, code in [*expected, (10, 0, row.level_0)]:
        logged = len(scene.node.cluster_log().splitlines())
        answer = scene.act("monitor", interval_s=interval_s, level=level)
        assert_answer(answer, code, row.says, is_probe=not interval_s)
        lines = scene.node.cluster_log().splitlines()[logged:]
        assert len(lines) <= LOG_LINES_MAX, lines
    # What was told once of a healthy instance is not told again.
    assert code or not lines, lines


def assert_answer(answer: Answer, code: int, words: object = "", is_probe: bool = False) -> None:
    """The code, and one reason in one line that names what matters and what to do."""
    assert answer.code == code, answer
    is_silent = code == 0 or (code == NOT_RUNNING and is_probe)
    assert answer.reasons == (0 if is_silent else 1), answer
    assert "Traceback" not in answer.stderr
    if not is_silent:
        assert "; " in answer.reason, answer
        assert "\n" not in answer.reason.strip()
    if code not in (0, NOT_RUNNING):
        assert re.search(str(words), answer.reason), answer.reason


def assert_serves(scene: Scene) -> None:
    """One master, a client is greeted unless the state holds all servers, and the monitor is content."""
    # A daemon is called master until it runs its own program.
    scene.wait(
        lambda: len([p for p in scene.mine() if p.exe.partition(" ")[0].endswith("/sbin/master")]) == 1, "one master"
    )
    assert scene.act("monitor").code == 0
    if scene.act("monitor", level=10).code != DEGRADED:
        assert scene.node.greeting().startswith("220 "), scene.node.mail_log()


def assert_nothing_left(scene: Scene) -> None:
    """After a failed start: no process, no pid file, no socket, no snapshot; the queue unmounts."""
    assert scene.mine() == []
    assert not scene.node.exists(scene.snapshot)
    is_ours = not [p for p in scene.second() if p.name == "master" and os_cwd(p) == QUEUE]
    if is_ours and around.can_write(scene):
        sockets = ["find", QUEUE + "/public", QUEUE + "/private", PID_FILE, "-type", "s", "-o", "-type", "f"]
        assert scene.node.run(sockets).stdout.split() == []
    assert_unmounts(scene)


def assert_spared(scene: Scene) -> None:
    """Innocent processes and the second instance live."""
    assert {process.pid for process in scene.spared} <= scene.pids()
    assert not scene.has_second or scene.node.run(["postfix", "-c", "/etc/postfix2", "status"]).returncode == 0


def assert_unmounts(scene: Scene) -> None:
    """The queue's file system can be unmounted, or has been, and its disk is in no use."""
    if scene.node.queue.is_mounted() and not [p for p in scene.second() if os_cwd(p).startswith("/mnt/queue/")]:
        assert scene.node.queue.umount().stderr == ""
    assert scene.is_disk_released()


def assert_log_clean(scene: Scene, since: int) -> None:
    """Nothing in the mail log that makes an administrator ask what it means."""
    text = scene.node.mail_log()[since:]
    assert not [word for word in UNWANTED if word in text], text


def os_cwd(process: object) -> str:
    """Where a process stands."""
    import os

    return os.readlink(f"/proc/{process.outside}/cwd")  # type: ignore[attr-defined]
