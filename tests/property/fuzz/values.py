"""Small readers in this process: parameters, the snapshot, tables of mounts, names of processes, logs, name servers."""

import importlib
import os
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from postfix_ha import codes
from postfix_ha.actions.serving.acceptance import attributes
from postfix_ha.actions.serving.causes import is_younger, telling
from postfix_ha.config.postconf import read_answer
from postfix_ha.endpoint import Endpoint, address_bytes
from postfix_ha.instance import SNAPSHOT_HEADER, Instance, format_snapshot, parse_snapshot
from postfix_ha.messages.catalogue import CATALOGUE
from postfix_ha.messages.statement import Statement
from postfix_ha.params import GREETING_TIMEOUT_MAX_S, Params
from postfix_ha.procfs import process_stat
from postfix_ha.report import REASON_LENGTH_MAX, line_of, one_line
from postfix_ha.request import Request
from postfix_ha.system import dns
from postfix_ha.system.command import Completed
from postfix_ha.system.mounts import Mounts, parse_mounts, read_fstab
from postfix_ha.verdict import Finding, decide
from tests.property.fuzz.config_files import directory
from tests.property.fuzz.target import Broken, Target, must_be_clean
from tests.property.fuzz.texts import encoded, mostly, mutated, number, pick

# The module that tells a complaint from other lines.
COMPLAINTS = importlib.import_module(
    "postfix_ha.system." + ("complaints" if find_spec("postfix_ha.system.complaints") else "command")
)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "binary": mostly("/usr/sbin/postfix", "postfix", "sbin/postfix", "/nonexistent"),
        "config_dir": mostly("/etc/postfix", "postfix", "/nonexistent/", "relative/x"),
        "parameters": mostly("-v", "-c /x", "-D -v", "'-v'", '-c "/a b"', "-c"),
        "greeting_timeout": pick((1, mostly("10", "10s", "600")), (1, number())),
        "unknown": mostly("x"),
    },
)
SURROUNDINGS = st.fixed_dictionaries(
    {},
    optional={
        "OCF_CHECK_LEVEL": pick((1, mostly("0", "10", "20")), (1, number())),
        "OCF_RESKEY_CRM_meta_timeout": pick((1, mostly("20000", "1")), (1, number())),
        "OCF_RESKEY_CRM_meta_interval": pick((1, mostly("0", "10000")), (1, number())),
        "OCF_RESOURCE_INSTANCE": mostly("mail", "test"),
        "OCF_RESKEY_crm_feature_set": mostly("3.16"),
        "HA_RSCTMP": mostly("/run/resource-agents", "relative", "/nonexistent"),
        "OCF_ROOT": mostly("/usr/lib/ocf", "/nonexistent"),
    },
)


def check_parameters(drawn: "dict[str, Any]") -> None:
    """Parameters and the cluster's variables: code 6 (5: a bare name) or none, clean lines, numbers within bounds."""
    params = Params(drawn["parameters"])
    verdict = decide("setup", params.findings)
    if verdict.code not in (codes.SUCCESS, codes.ERR_INSTALLED, codes.ERR_CONFIGURED):
        raise Broken("a code for parameters", str(verdict))
    for finding in params.findings:
        line = line_of(finding)
        must_be_clean(line, "a reason", lines=False)
        if not line or len(line) > REASON_LENGTH_MAX:
            raise Broken("a reason's length", repr(line))
    if not 0 < params.greeting_timeout_s <= GREETING_TIMEOUT_MAX_S:
        raise Broken("a greeting timeout", str(params.greeting_timeout_s))
    assert all(isinstance(word, str) for word in params.command("start"))
    environment = {f"OCF_RESKEY_{name}": value for name, value in drawn["parameters"].items()}
    request = Request(["postfix_ha", drawn["action"]], {**environment, **drawn["environment"]})
    if request.level not in (0, 10, 20) or not request.run_directory.startswith("/") or request.timeout_s <= 0:
        raise Broken("a request", repr((request.level, request.run_directory, request.timeout_s)))


CALL = st.fixed_dictionaries(
    {
        "action": mostly("monitor", "validate-all", "start"),
        "parameters": PARAMETERS,
        "environment": SURROUNDINGS,
    }
)


def a_snapshot() -> bytes:
    """A snapshot as start writes it."""
    instance = Instance(
        config_dir="/etc/postfix", queue_directory="/var/spool/postfix", data_directory="/var/lib/postfix",
        daemon_directory="/usr/lib/postfix/sbin", command_directory="/usr/sbin", mail_owner="postfix",
        setgid_group="postdrop", boot_id="5b4c9b5e-0000-4000-8000-0123456789ab", master_pid=4711, master_start=12345,
        files_local=1, queue_id=(2049, 131), endpoints=[Endpoint("0.0.0.0", 25), Endpoint("::1", 465, "smtps",
        "smtps")],
        stamps=[("/etc/postfix/main.cf", 100, 1700000000000000000, 77)], settings={"inet_interfaces": "all"},
        locks=["fd:01:131"],
    )  # fmt: skip
    return format_snapshot(instance)


LINES = a_snapshot()[len(SNAPSHOT_HEADER) : -len(b"end\n")].decode().splitlines()


@st.composite
def snapshots(draw: "st.DrawFn") -> bytes:
    """Lines of a snapshot with words exchanged."""
    lines = []
    for line in draw(st.permutations(LINES)) if draw(st.booleans()) else LINES:
        words = line.split(" ")
        if draw(st.integers(0, 7)) == 0:
            words[draw(st.integers(0, len(words) - 1))] = draw(
                st.one_of(
                    number(), mostly("::ffff:1.2.3.4", "1.2.3", "fe80::1", "01.2.3.4", "smtp", "0", "%", "%4", "a/../b")
                )
            )
        lines += [" ".join(words)] * draw(st.sampled_from((1, 1, 1, 1, 1, 1, 0, 2)))
    return SNAPSHOT_HEADER + encoded("\n".join(lines)) + draw(st.sampled_from((b"\nend\n", b"\nend\n", b"\nend", b"")))


def facts_of(instance: Instance) -> "dict[str, object]":
    return {name: getattr(instance, name) for name in Instance.__slots__ if name != "problems"}


def check_snapshot(data: bytes) -> None:
    """None, or an instance that is written back as it was and holds only what can be."""
    instance = parse_snapshot(data)
    if instance is None:
        return
    again = parse_snapshot(format_snapshot(instance))
    if again is None or facts_of(again) != facts_of(instance):
        raise Broken("a snapshot that is not written as it was read", repr(facts_of(instance))[:300])
    for name in ("master_pid", "master_start", "files_local", "pidfile_noticed"):
        if not 0 <= getattr(instance, name) < 1 << 64:
            raise Broken(f"an impossible {name}", str(getattr(instance, name)))
    if instance.master_pid > 1 << 22:  # PID_MAX_LIMIT
        raise Broken("an impossible master_pid", str(instance.master_pid))
    for number_ in instance.queue_id or ():
        if not 0 <= number_ < 1 << 64:
            raise Broken("an impossible queue_id", str(instance.queue_id))
    for endpoint in instance.endpoints:
        if not 0 < endpoint.port < 65536:
            raise Broken("an impossible port", str(endpoint))
        try:
            address_bytes(endpoint.address)
        except (OSError, ValueError):
            raise Broken("an impossible address", repr(endpoint.address)) from None


WORD = mostly(
    "/",
    "/var",
    "/var/spool/postfix",
    "ext4",
    "tmpfs",
    "8:1",
    "0:30",
    "rw,relatime",
    "36",
    "/dev/sda1",
    "\\040x",
    "\\999",
)
MOUNTINFO = st.lists(
    st.builds(lambda a, b: " ".join(a) + " - " + " ".join(b), st.lists(WORD, max_size=9), st.lists(WORD, max_size=4)),
    max_size=8,
).map(lambda lines: encoded("\n".join(lines) + "\n"))


def check_mounts(data: bytes) -> None:
    """mountinfo and fstab: a table, whatever stands there."""
    table = parse_mounts(data.decode("utf-8", "surrogateescape"))
    Mounts(table, sysfs="/nonexistent").mount_of("/var/spool/postfix")
    path = directory() / "table"
    path.write_bytes(data)
    assert all(entry.mount_point.startswith("/") for entry in read_fstab(str(path)))


def check_name(data: bytes) -> None:
    """A process has any name that it gives itself; its line is read all the same."""
    comm = Path(f"/proc/self/task/{os.getpid()}/comm")
    before = comm.read_bytes().rstrip(b"\n")
    name = data.replace(b"\0", b"")[:15]
    try:
        comm.write_bytes(name or b" ")
        stat = process_stat(os.getpid())
    finally:
        comm.write_bytes(before)
    if stat is None or stat.pid != os.getpid() or stat.parent != os.getppid() or stat.is_dead:
        raise Broken("a process that is not seen", repr(data))


NAMES = st.one_of(
    st.sampled_from((b") Z (", b"master", b"a) R 1 1 1", b"(((((", b"))))) X 0 0", b"x\n1 (y) Z", b"\xff\x1b[2J")),
    st.binary(min_size=1, max_size=15),
)

LOG_LINE = st.builds(
    lambda stamp, program, said: f"{stamp}{program}{said}",
    mostly("", "Jan  1 00:00:00 n1 ", "2026-01-01T00:00:00+00:00 n1 "),
    mostly("postfix/master[1]: ", "postfix/postfix-script[1]: ", "", "]: postfix"),
    mostly("fatal: ", "fatal: no", "warning: x", "error: mail system startup failed", "panic: ", "x"),
)


def check_log(data: bytes) -> None:
    """What a program or a log said becomes one clean line of a bounded length in a reason."""
    text = data.decode("utf-8", "replace")
    done = Completed(1, data, data)
    lines = text.splitlines()
    assert all(is_younger(each, 1e9) in (True, False) for each in lines)
    assert all(isinstance(value, str) for value in attributes(data).values())
    told = (COMPLAINTS.last_complaint(text), COMPLAINTS.last_telling(text), COMPLAINTS.telling_line(done))
    for said in (*told, telling(lines, "postfix"), text):
        line = one_line(said)
        must_be_clean(line, "a reason", lines=False)
        if len(line) > REASON_LENGTH_MAX:
            raise Broken("a reason's length", str(len(line)))
        finding = Finding("start_completed", why=said, instance=said)
        must_be_clean(line_of(finding), "a reason", lines=False)
        assert Statement(finding).text
    for names in (None, ["inet_interfaces", "mail_owner"]):
        read_answer("/usr/sbin/postconf", done, names)
        read_answer("/usr/sbin/postconf", Completed(0, data, data), names)
    assert "start_completed" in CATALOGUE


ANSWER = st.builds(
    lambda number_, flags, counts, rest: struct.pack("!6H", number_, flags, *counts) + rest,
    st.integers(0, 65535),
    st.sampled_from((0x8180, 0x8183, 0x8182, 0x0100, 0xFFFF)),
    st.tuples(*[st.sampled_from((0, 1, 1, 2, 65535))] * 4),
    st.lists(
        st.sampled_from(
            (b"\x04mail\x07example\x03com\0", b"\0\x0f\0\1", b"\0\1\0\1", b"\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\1",
            b"\xc0\x0c",
             b"\0\x0f\0\1\0\0\0\x3c\0\4\0\x0a\xc0\x0c", b"\xff\xff", b"\xc0", b"\x3f", b"\0" * 30)
        ),
        max_size=8,
    ).map(b"".join),
)  # fmt: skip


def check_dns(data: bytes) -> None:
    """An answer of a name server is records or no answer, whatever it holds."""
    dns.records_of(data[: dns.ANSWER_MAX], dns.query(1, "example.com", dns.MX))


TARGETS = (
    Target("parameters", CALL, check_parameters, is_json=True, fixed=200),
    Target("snapshot", mutated(snapshots()), check_snapshot, share=2, fixed=200),
    Target("mounts", mutated(MOUNTINFO), check_mounts, fixed=100),
    Target("process_name", NAMES, check_name, fixed=50),
    Target(
        "log",
        mutated(st.lists(LOG_LINE, max_size=6).map(lambda lines: encoded("\n".join(lines)))),
        check_log,
        fixed=100,
    ),
    Target("dns", mutated(ANSWER), check_dns, fixed=150),
)
