"""The snapshot: what start leaves for monitor and stop, and everything that must not be taken for one."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postfix_ha.endpoint import Endpoint
from postfix_ha.instance import (
    SNAPSHOT_SIZE_MAX,
    Instance,
    format_snapshot,
    parse_snapshot,
    read_snapshot,
    remove_snapshot,
    snapshot_path,
    write_snapshot,
)

texts = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
paths = texts.map(lambda text: "/" + text)
numbers = st.integers(min_value=0, max_value=2**63)
pids = st.integers(min_value=0, max_value=4194304)
endpoints = st.builds(Endpoint, st.sampled_from(["::", "192.0.2.1"]), st.integers(1, 65535), st.just("smtp"), texts)


def same(one: "Instance | None", other: Instance) -> bool:
    return one is not None and all(getattr(one, name) == getattr(other, name) for name in Instance.__slots__)


@given(
    paths,
    paths,
    pids,
    st.lists(endpoints),
    st.dictionaries(texts, texts),
    st.lists(st.tuples(paths, numbers, numbers, numbers)),
)
def test_what_is_written_is_read(config_dir, queue, number, listened, settings, stamps) -> None:
    instance = Instance(
        config_dir=config_dir, queue_directory=queue, master_pid=number, queue_id=(number, 1),
        endpoints=listened, settings=settings, stamps=stamps, noticed=stamps[:1],
        locks=[f"fd:01:{number}"],
    )  # fmt: skip
    assert same(parse_snapshot(format_snapshot(instance)), instance)


@given(st.binary())
def test_any_bytes_are_refused_without_an_error(data: bytes) -> None:
    assert parse_snapshot(data) is None


@given(st.data())
def test_a_damaged_snapshot_is_refused_or_whole(data: st.DataObject) -> None:
    whole = format_snapshot(Instance(config_dir="/etc/postfix", endpoints=[Endpoint("::", 25)], queue_id=(1, 2)))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + 1 :]
    found = parse_snapshot(damaged)
    assert found is None or isinstance(found, Instance)
    assert parse_snapshot(whole[:at]) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"master_pid 7\n", b"master_pid -1\n"),
        (b"master_pid 7\n", b"master_pid 4194305\n"),
        (b"master_pid 7\n", b"master_pid 99999999999999999999999\n"),
        (b"master_start 5\n", b"master_start -5\n"),
        (b"files_local 0\n", b"files_local 2\n"),
        (b"queue_id 1 2\n", b"queue_id -1 2\n"),
        (b"lock fd:01:131\n", b"lock fd:01\n"),
        (b"lock fd:01:131\n", b"lock fd:01:" + b"1" * 40 + b"\n"),
        (b"queue_directory /q\n", b"queue_directory q\n"),
        (b"queue_directory /q\n", b"queue_directory /q%00x\n"),
        (b"config_dir /etc/postfix\n", b"config_dir ../etc\n"),
        (b"mail_owner \n", b"mail_owner a%00b\n"),
        (b"endpoint smtp :: 25 smtp\n", b"endpoint smtp :: 65536 smtp\n"),
        (b"endpoint smtp :: 25 smtp\n", b"endpoint smtp :: 0 smtp\n"),
        (b"endpoint smtp :: 25 smtp\n", b"endpoint smtp mail.example.com 25 smtp\n"),
        (b"endpoint smtp :: 25 smtp\n", b"endpoint smtp 0x7f000001 25 smtp\n"),
        (b"stamp 1 2 3 /etc/postfix/main.cf\n", b"stamp 1 2 3 main.cf\n"),
        (b"stamp 1 2 3 /etc/postfix/main.cf\n", b"stamp -1 2 3 /etc/postfix/main.cf\n"),
        (b"setting a b\n", b"setting a %00\n"),
    ],
)
def test_a_snapshot_with_what_cannot_be_is_ignored(old: bytes, new: bytes) -> None:
    whole = format_snapshot(
        Instance(
            config_dir="/etc/postfix", queue_directory="/q", master_pid=7, master_start=5, queue_id=(1, 2),
            endpoints=[Endpoint("::", 25)], stamps=[("/etc/postfix/main.cf", 1, 2, 3)], settings={"a": "b"},
            locks=["fd:01:131"],
        )
    )  # fmt: skip
    assert parse_snapshot(whole) is not None
    assert whole.count(old) == 1
    assert parse_snapshot(whole.replace(old, new)) is None


@pytest.fixture
def path(tmp_path: Path) -> str:
    return snapshot_path(str(tmp_path / "run"), "/etc/postfix")


def test_it_is_private_and_atomic(path: str) -> None:
    write_snapshot(path, Instance(config_dir="/etc/postfix"))
    write_snapshot(path, Instance(config_dir="/etc/postfix", master_pid=7))
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]
    found = read_snapshot(path)
    assert found is not None
    assert found.master_pid == 7
    remove_snapshot(path)
    remove_snapshot(path)
    assert read_snapshot(path) is None


def make_symlink(path: str, target: str) -> None:
    os.rename(path, target)
    os.symlink(target, path)


def make_fifo(path: str, _: str) -> None:
    os.unlink(path)
    os.mkfifo(path)


def make_writable(path: str, _: str) -> None:
    os.chmod(path, 0o622)


def make_directory(path: str, _: str) -> None:
    os.unlink(path)
    os.mkdir(path)


def make_huge(path: str, _: str) -> None:
    os.truncate(path, SNAPSHOT_SIZE_MAX + 1)


@pytest.mark.parametrize("damage", [make_symlink, make_fifo, make_writable, make_directory, make_huge])
def test_what_is_not_exactly_our_file_is_ignored(path: str, damage, tmp_path: Path) -> None:
    write_snapshot(path, Instance(config_dir="/etc/postfix"))
    damage(path, str(tmp_path / "elsewhere"))
    assert read_snapshot(path) is None


def test_each_configuration_directory_has_a_snapshot_of_its_own() -> None:
    names = {
        snapshot_path("/run", name)
        for name in ("", "/etc/postfix2", "/etc-postfix", "/etc/postfix/2", "/a-b/c", "/a/b-c")
    }
    assert len(names) == 6
    assert snapshot_path("/run", "/etc/postfix/") == snapshot_path("/run", "") == snapshot_path("/run", "/etc//postfix")
    assert len(os.path.basename(snapshot_path("/run", "/x" * 2000))) < 255


def test_an_unknown_fact_is_an_error_of_ours() -> None:
    with pytest.raises(TypeError, match="no such fact"):
        Instance(colour="red")
