"""States of an instance's processes: each function brings a scene into one."""

from signal import SIGKILL, SIGSTOP

from tests.node.scene import SECOND_ADDRESS, SECOND_CF, SNAPSHOT, Scene
from tests.support.machine.process import NodeProcess
from tests.support.mail.node import ADDRESS, DAEMON_DIRECTORY

STUCK = "/usr/local/bin/stuck"
# It ignores whatever asks it to end, has a child that does so in a session of its own, and tells when it is there.
STUCK_SCRIPT = """\
#!/bin/sh
trap '' TERM HUP INT
setsid -f sh -c "trap '' TERM HUP INT; sleep 2001; true"
: > /tmp/stuck
cat > /dev/null
sleep 2002
true
"""
STUCK_CF = "transport_maps = inline:{{ stuck.example.com = stuck: }}"


def healthy(scene: Scene) -> None:
    """It runs as the agent started it."""
    scene.start()


def healthy_by_hand(scene: Scene) -> None:
    """It runs as an administrator started it, without the agent."""
    scene.run("postfix", "start")
    scene.wait(lambda: scene.node.run(["ss", "-Hltn", "sport = :25"]).stdout, "master listens")
    scene.greet_once()


def never_started(scene: Scene) -> None:
    """Nothing was ever started here."""


def stopped(scene: Scene) -> None:
    """It ran and the agent stopped it."""
    scene.start()
    answer = scene.act("stop")
    assert answer.code == 0, answer


def stopped_by_hand(scene: Scene) -> None:
    """It ran under the agent and an administrator stopped it; the snapshot is still there."""
    scene.start()
    scene.run("postfix", "stop")


def master_killed_all_gone(scene: Scene) -> None:
    """master was killed and its daemons have ended after it."""
    scene.start()
    kill_master(scene, set())


def master_killed_qmgr_frozen(scene: Scene) -> None:
    """master was killed and one frozen daemon is left of it."""
    scene.start()
    scene.kill(scene.daemon("qmgr"), SIGSTOP)
    kill_master(scene, {"qmgr"})


def kill_master(scene: Scene, left: "set[str]") -> None:
    """Kill master; what does not end after it, as a daemon that was just starting, is killed but for these names."""
    scene.kill(next(process for process in scene.mine() if process.exe.startswith(DAEMON_DIRECTORY + "master")))

    def others() -> "list[NodeProcess]":
        found = [process for process in scene.mine() if process.name not in left]
        for process in found:
            if process.name in ("master", "smtpd", "proxymap", "anvil"):
                scene.node.signal(process, SIGKILL)
        return found

    scene.wait(lambda: not others(), f"only {left} are left")


def orphans_unrecorded(scene: Scene) -> None:
    """As before, and no snapshot tells of the run."""
    master_killed_qmgr_frozen(scene)
    scene.run("rm", SNAPSHOT)


def orphan_with_client(scene: Scene) -> None:
    """master was killed while a client's session went on, which keeps its smtpd alive."""
    scene.start()
    scene.stack.enter_context(scene.client())
    kill_master(scene, {"smtpd"})


def master_frozen(scene: Scene) -> None:
    """master is stopped by a signal."""
    scene.start()
    scene.kill(scene.node.master(), SIGSTOP)


def all_frozen(scene: Scene) -> None:
    """Every process of the instance is stopped by a signal."""
    scene.start()
    for process in scene.mine():
        scene.kill(process, SIGSTOP)


def smtpd_frozen(scene: Scene) -> None:
    """Every smtpd is frozen while idle, so master waits for it to take the next client."""
    scene.start()
    scene.greet_once()
    for process in scene.node.named("smtpd"):
        scene.kill(process, SIGSTOP)


def qmgr_frozen(scene: Scene) -> None:
    """The queue manager is frozen: mail is taken and never delivered."""
    scene.start()
    scene.kill(scene.daemon("qmgr"), SIGSTOP)


def pickup_frozen(scene: Scene) -> None:
    """pickup is frozen: local submissions stay in maildrop."""
    scene.start()
    scene.kill(scene.daemon("pickup"), SIGSTOP)


def delivery_stuck(scene: Scene, script: str = STUCK_SCRIPT, sleepers: int = 3) -> None:
    """A pipe(8) delivery runs a command as another user that ignores TERM and has a child in its own session."""
    scene.node.write(STUCK, script, 0o755)
    scene.node.append("/etc/postfix/master.cf", f"stuck unix - n n - - pipe flags=R user=nobody argv={STUCK}\n")
    scene.start()
    scene.node.run(["sendmail", "-f", "a@example.com", "u@stuck.example.com"], input="Subject: x\n\nx\n", check=True)
    scene.wait(lambda: scene.node.exists("/tmp/stuck"), "the delivery command runs")
    scene.wait(lambda: len(stuck_processes(scene)) == sleepers, "the delivery command and its children sleep")


def delivery_orphaned(scene: Scene) -> None:
    """As before, and master and pipe(8) were killed."""
    delivery_stuck(scene)
    scene.kill(scene.daemon("pipe"))
    kill_master(scene, {"stuck", "sh", "sleep"})


def stuck_processes(scene: Scene) -> "list[int]":
    """The sleepers of a stuck delivery and its script."""
    sleepers = [p for p in scene.node.named("sleep") if p.argv[1] in ("2001", "2002")]
    return [p.pid for p in [*sleepers, *scene.node.named("stuck")]]


def second_instance(scene: Scene) -> None:
    """A second instance with everything of its own runs beside ours."""
    scene.start_second()
    scene.start()


def second_instance_alone(scene: Scene) -> None:
    """Only the second instance runs; ours was never started."""
    scene.start_second()


def second_instance_beside_orphans(scene: Scene) -> None:
    """Of ours an orphan without a record is left, the second instance runs."""
    scene.start_second()
    scene.start()
    first = {process.pid for process in scene.second()}
    scene.kill(scene.daemon("qmgr"), SIGSTOP)
    kill_master(scene, {"qmgr"})
    scene.run("rm", SNAPSHOT)
    assert first <= {process.pid for process in scene.second()}


def data_directory_shared(scene: Scene) -> None:
    """The second instance runs on the data directory that ours wants."""
    scene.start_second(SECOND_CF.replace("/var/lib/postfix2", "/var/lib/postfix"))


def queue_directory_shared(scene: Scene) -> None:
    """The second instance runs on the queue directory that ours wants."""
    scene.start_second(SECOND_CF.replace("queue_directory = /mnt/queue2", "queue_directory = /mnt/queue"))


def port_shared(scene: Scene) -> None:
    """The second instance listens on our address and port too, as SO_REUSEPORT lets it."""
    scene.start()
    scene.start_second(SECOND_CF.replace(SECOND_ADDRESS, ADDRESS))


def port_taken_by_postfix(scene: Scene) -> None:
    """The second instance has our address and port before we start."""
    scene.start_second(SECOND_CF.replace(SECOND_ADDRESS, ADDRESS))


def upgraded(scene: Scene) -> None:
    """The package was upgraded under the running instance: every daemon's file is another one now."""
    scene.start()
    scene.greet_once()
    scene.run("sh", "-c", f"cd {DAEMON_DIRECTORY} && for f in *; do cp -p $f .new && mv .new $f || exit; done")
    assert scene.node.run(["readlink", f"/proc/{scene.mine()[0].pid}/exe"]).stdout.endswith(" (deleted)\n")


def upgraded_unrecorded(scene: Scene) -> None:
    """As before, and the snapshot was lost."""
    upgraded(scene)
    scene.run("rm", SNAPSHOT)


def daemons_moved(scene: Scene) -> None:
    """The directory of the running daemons was renamed, as some installations do for an upgrade."""
    scene.start()
    scene.greet_once()
    scene.run("mv", DAEMON_DIRECTORY.rstrip("/"), "/usr/lib/postfix/before")
    scene.run("cp", "-a", "/usr/lib/postfix/before", DAEMON_DIRECTORY)


def daemons_moved_orphaned(scene: Scene) -> None:
    """As before, master was killed, one frozen daemon is left, and the snapshot was lost."""
    master_killed_qmgr_frozen(scene)
    scene.run("mv", DAEMON_DIRECTORY.rstrip("/"), "/usr/lib/postfix/before")
    scene.run("cp", "-a", "/usr/lib/postfix/before", DAEMON_DIRECTORY)
    scene.run("rm", SNAPSHOT)


def master_zombie(scene: Scene) -> None:
    """master was killed, and its parent never asks how it ended."""
    scene.leave_running(("sh", "-c", f"MAIL_CONFIG=/etc/postfix {DAEMON_DIRECTORY}master & exec sleep 3001"))
    scene.wait(lambda: scene.node.run(["ss", "-Hltn", "sport = :25"]).stdout, "master listens")
    scene.greet_once()
    assert scene.act("monitor").code == 0
    kill_master(scene, set())
    assert [process.state for process in scene.node.pids() if process.name == "master"] == ["S", "Z"]
