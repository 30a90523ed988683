"""What is opened, read, made and cleared where others can put what they like."""

import os
import socket
import stat
import time
from pathlib import Path

import pytest

from postfix_ha.system import files


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    assert files.read_regular(str(path), 1000) == b"x" * 1000
    with pytest.raises(OSError, match="larger than 0 KiB"):
        files.read_regular(str(path), 999)


@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "kernel", "link to a device", "directory"])
def test_nothing_else_is_a_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    elif kind == "directory":
        path.mkdir()
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    else:
        path = Path("/dev/zero" if kind == "device" else "/proc/self/status")
    opened = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=r"regular file|directory"):
        files.read_regular(str(path), 100, deadline=soon())
    assert len(os.listdir("/proc/self/fd")) == opened


def test_a_fifos_writer_does_not_notice_a_look_at_it(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(OSError, match="regular"):
        files.open_regular(str(path))
    with pytest.raises(OSError, match="No such device"):  # ENXIO: nobody reads
        os.open(path, os.O_WRONLY | os.O_NONBLOCK)


def test_reading_ends_at_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    path.touch()
    os.truncate(path, 1 << 40)
    taken = []
    begin = time.monotonic()
    with pytest.raises(OSError, match="in time"):
        files.feed(str(path), lambda part: taken.append(len(part)), 1 << 41, soon(0.2))
    assert time.monotonic() - begin < 2
    with pytest.raises(OSError, match="larger than 1 MiB"):
        files.feed(str(path), taken.append, 1 << 20)


def test_a_fresh_file_has_a_name_of_its_own_and_is_ours_alone(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    made = [files.make_fresh(directory, "a-") for _ in range(2)]
    os.close(directory)
    for name, descriptor in made:
        assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o600
        os.close(descriptor)
        assert (tmp_path / name).exists()
    assert made[0][0] != made[1][0]


@pytest.mark.parametrize("trap", ["link", "fifo", "hard link", "nothing"])
def test_a_file_is_replaced_and_never_written_through(tmp_path: Path, trap: str) -> None:
    victim, path = tmp_path / "victim", tmp_path / "report"
    victim.write_text("old")
    if trap == "link":
        path.symlink_to(victim)
    elif trap == "fifo":
        os.mkfifo(path)
    elif trap == "hard link":
        os.link(victim, path)
    files.replace_file(str(path), b"new")
    assert (victim.read_text(), path.read_text(), path.is_symlink()) == ("old", "new", False)
    assert sorted(os.listdir(tmp_path)) == ["report", "victim"]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.replace_file(str(tmp_path / "report"), b"new")
    assert os.listdir(tmp_path) == ["report"]


def test_leftovers_are_cleared_by_name_and_kind(tmp_path: Path) -> None:
    for name in ("x1", "x2", "y"):
        (tmp_path / name).touch()
    (tmp_path / "x3").symlink_to("y")
    (tmp_path / "x4").mkdir()
    directory = os.open(tmp_path, os.O_RDONLY)
    files.clear(directory, lambda name: name.startswith("x"))
    os.close(directory)
    assert sorted(os.listdir(tmp_path)) == ["x3", "x4", "y"]


def test_own_links_lead_to_a_directory_and_missing_ones_are_made(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    os.close(files.open_directory(f"{tmp_path}/link/../link/a/b", make=True))
    assert (tmp_path / "a/b").is_dir() or (tmp_path / "real/a/b").is_dir()
    (tmp_path / "loop").symlink_to("loop")
    for path, words in (("loop", "symbolic links"), ("none", "No such"), ("link/a/../../nothing/x", "No such")):
        with pytest.raises(OSError, match=words):
            os.close(files.open_directory(f"{tmp_path}/{path}"))


def test_a_tree_is_walked_to_a_bounded_depth_and_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").touch()
    (tmp_path / "a/link").symlink_to(tmp_path)
    deep = tmp_path / "deep" / "/".join("d" * 30)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    found = sorted(os.path.relpath(path, tmp_path) for path in files.files_below(str(tmp_path)))
    assert found == ["a/b/file", "a/link"]
