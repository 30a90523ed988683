"""A network file system as the client sees it: root is nobody there, or the server goes away and every look hangs."""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGKILL, SIGUSR1

import pytest

from tests.node.scene import Scene, scene_of
from tests.support.cibs import cib_text
from tests.support.machine.node import CHECKOUT
from tests.support.machine.process import NodeProcess

SERVER = Path(__file__).with_name("nfs_like.py")
ASK = (
    "import sys, time, json; sys.path.insert(0, '{lib}'); from postfix_ha.storage.nfs import root_on; "
    "print(json.dumps(root_on('/mnt/net', time.monotonic() + 2)))"
)
PROGRAM = f"import sys; sys.path.insert(0, '{CHECKOUT}/lib'); from postfix_ha.cli.main import main; sys.exit(main())"


def served(scene: Scene) -> "list[NodeProcess]":
    """The server's process, without what has brought it into the node."""
    return [each for each in scene.node.pids() if each.argv[2:3] == ("/tmp/nfs_like.py",)]


@contextlib.contextmanager
def export(scene: Scene, kind: str, at: str) -> "Iterator[None]":
    """Mount it; with ``away`` the server answers no more."""
    scene.run("sh", "-c", f"mkdir -p {at}; test -e /dev/fuse || mknod /dev/fuse c 10 229")
    scene.node.write("/tmp/nfs_like.py", SERVER.read_bytes(), 0o755)
    server = scene.node.popen([sys.executable, "-IS", "/tmp/nfs_like.py", kind, at], stdout=-1)
    try:
        assert server.stdout is not None
        assert server.stdout.readline().strip() in (b"ready", "ready")
        if kind == "away":
            for process in served(scene):
                scene.node.signal(process, SIGUSR1)
        yield
    finally:
        scene.node.run(["sh", "-c", f"for c in /sys/fs/fuse/connections/*/abort; do echo 1 > $c; done; umount -l {at}"])
        for process in served(scene):
            scene.node.signal(process, SIGKILL)
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


@pytest.fixture(scope="module")
def scene() -> "Iterator[Scene]":
    """A node without a running Postfix."""
    with scene_of(disk_mb=64) as made:
        yield made


@pytest.mark.parametrize(("kind", "said"), [("squash", "belongs to uid 65534"), ("keep", ""), ("away", "hangs")])
def test_who_root_is_on_the_server_is_found_by_a_file(scene: Scene, kind: str, said: str) -> None:
    with export(scene, kind, "/mnt/net"):
        begin = time.monotonic()
        done = scene.node.run([sys.executable, "-c", ASK.format(lib=f"{CHECKOUT}/lib")])
        assert time.monotonic() - begin < 10
        answer = json.loads(done.stdout)
        assert said in answer
        assert bool(said) == bool(answer)


def test_every_action_answers_in_time_while_the_server_is_away(scene: Scene) -> None:
    """Whoever looks up a name below the queue's mount point waits for the server: stop, monitor and probe do not."""
    scene.start()
    with export(scene, "away", "/mnt/queue"):
        for level in (0, 20):
            answer = scene.act("monitor", level=level, timeout_s=5)
            assert answer.seconds < 5, (level, answer)
            assert answer.code in (0, 1)
        answer = scene.act("stop", timeout_s=6)
        assert answer.seconds < 6
        assert answer.code == 0, answer
        assert scene.mine() == []
        answer = scene.act("monitor", interval_s=0, timeout_s=5)
        # Whether a process stands in the queue cannot be told without it; then the answer says what it waits for.
        assert answer.seconds < 5
        assert answer.code == 7 or (answer.code == 1 and "it hangs in" in answer.reason), answer


def test_the_commands_end_and_name_what_hangs(scene: Scene) -> None:
    scene.node.write("/tmp/cib.xml", cib_text())
    commands = (
        ["check", "--peer", "n2", "--rsh", "false"],
        ["create", "--dry-run", "--cib-file", "/tmp/cib.xml"],
    )
    # All at once, for each waits some seconds; what hangs in the kernel keeps their output open.
    with export(scene, "away", "/mnt/queue"), ThreadPoolExecutor(len(commands)) as pool:
        ended = list(pool.map(lambda words: scene.node.run([sys.executable, "-c", PROGRAM, *words]), commands))
    for command, done in zip(commands, ended):
        assert done.returncode == 2, command
        assert "Traceback" not in done.stderr
        assert "what it lies on (" in done.stdout + done.stderr, command
    assert "queue_storage_answers" in ended[0].stdout
