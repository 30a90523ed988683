"""Which mounts hide something at the path of the queue, and which queue directory was never made one."""

from pathlib import Path

import pytest

from postfix_ha.checks.startup.queue_place import check_queue_made, covered
from postfix_ha.system.mounts import Mount, Mounts

ROOT = Mount("/", "/dev/vda", "ext4")


@pytest.mark.parametrize(
    ("path", "points", "hidden"),
    [
        ("/var/spool/postfix", [], []),
        ("/var/spool/postfix", ["/var/spool/postfix"], [("/var/spool/postfix", "/")]),
        ("/mnt/queue/postfix", ["/mnt/queue"], [("/mnt/queue", "/")]),
        ("/mnt/queue/postfix", ["/mnt", "/mnt/queue"], [("/mnt/queue", "/mnt"), ("/mnt", "/")]),
        ("/mnt/queue/postfix", ["/mnt/queue2", "/mnt/queue/postfix/x"], []),
    ],
)
def test_mounts_over_the_queue(path: str, points: "list[str]", hidden: "list[tuple[str, str]]") -> None:
    assert covered(path, Mounts([ROOT, *(Mount(point, "/dev/vdb", "ext4") for point in points)])) == hidden


@pytest.mark.parametrize(
    ("names", "is_made"),
    [
        ([], False),
        (["lost+found", "etc", "pid", "private", "public"], False),
        (["active"], True),
        (["incoming"], True),
        (["maildrop", "lost+found"], True),
    ],
)
def test_a_queue_that_was_made(tmp_path: Path, names: "list[str]", is_made: bool) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / "deferred").write_text("no directory")
    assert (check_queue_made(str(tmp_path), "/etc/postfix") == []) == is_made
