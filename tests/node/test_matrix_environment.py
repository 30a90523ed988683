"""Whoever runs the agent, and however: by hand, by crm_resource, with an empty, senseless or hostile environment."""

from collections.abc import Iterator

import pytest

from tests.support.machine.node import AGENT, BASE_ENV
from tests.support.mail.node import QUEUE, MailNode

ACTIONS = ("monitor", "start", "start", "monitor", "validate-all", "meta-data", "stop", "stop", "monitor")
CODES = [7, 0, 0, 0, 0, 0, 0, 0, 7]
PATH = {"PATH": BASE_ENV["PATH"]}
META = "OCF_RESKEY_CRM_meta_"

ENVIRONMENTS = {
    "nothing": {},
    "path-and-root": {**PATH, "OCF_ROOT": "/usr/lib/ocf"},
    "empty-values": {
        **BASE_ENV,
        **dict.fromkeys((META + "timeout", META + "interval", META + "name", "OCF_CHECK_LEVEL", "OCF_ROOT"), ""),
        **dict.fromkeys(("HA_RSCTMP", "HA_LOGFILE", "HA_DEBUGLOG", "HA_debug", "HA_LOGFACILITY", "PATH"), ""),
        **dict.fromkeys(("OCF_RESOURCE_INSTANCE", "OCF_RA_VERSION_MAJOR", "OCF_EXIT_REASON_PREFIX"), ""),
        **{f"OCF_RESKEY_{name}": "" for name in ("binary", "config_dir", "parameters", "greeting_timeout")},
    },
    "garbage": {
        **BASE_ENV,
        META + "timeout": "soon",
        META + "interval": "-5 s",
        META + "on_node": "\x07\x1b[2J",
        "OCF_CHECK_LEVEL": "ten",
        "OCF_RA_VERSION_MAJOR": "x",
        "OCF_RESKEY_no_such_parameter": "$(touch /tmp/hostile)",
        "HA_RSCTMP": "relative/path",
        "HA_LOGFILE": "/nonexistent/cluster.log",
        "HA_DEBUGLOG": "/proc/version",
        "HA_LOGFACILITY": "nowhere",
        "HA_debug": "perhaps",
        "__OCF_ACTION": "stop",
    },
    "huge-numbers": {**BASE_ENV, META + "timeout": "9" * 40, META + "interval": "0" * 40, "OCF_CHECK_LEVEL": "0" * 40},
    "negative-numbers": {**BASE_ENV, META + "timeout": "-1", META + "interval": "-1", "OCF_CHECK_LEVEL": "-1"},
    "other-digits": {
        **BASE_ENV,
        META + "timeout": "\u0666\u0660",
        META + "interval": "\u0660",
        "OCF_CHECK_LEVEL": "\u00b2",
    },
    "locale-c": {**PATH, "LANG": "C", "LC_ALL": "C"},
    "no-such-locale": {**PATH, "LANG": "xx_YY.KOI8-R", "LC_ALL": "xx_YY.KOI8-R"},
    "hostile-path": {"PATH": "/tmp/hostile.d"},
    "hostile-python": {
        **PATH,
        "PYTHONPATH": "/tmp/hostile.d",
        "PYTHONHOME": "/nonexistent",
        "PYTHONSTARTUP": "/tmp/hostile.d/os.py",
        "PYTHONINSPECT": "1",
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "utf-16",
    },
    "hostile-postfix": {
        **PATH,
        "MAIL_CONFIG": "/etc/postfix2",
        "MAIL_VERBOSE": "1",
        "MAIL_DEBUG": "1",
        "command_directory": "/tmp/hostile.d",
        "IFS": "/",
        "ENV": "/tmp/hostile.d/os.py",
        "BASH_ENV": "/tmp/hostile.d/os.py",
    },
}

# How the caller left the process: in sh, before the agent takes its place.
CALLERS = {
    "deleted-directory": "mkdir -p /tmp/gone && cd /tmp/gone && rmdir /tmp/gone",
    "no-stdin": "exec <&-",
    "no-stdout": "exec >&-",
    "no-stderr": "exec 2>&-",
    "no-streams": "exec <&- >&- 2>&-",
    "stdout-full": "exec > /dev/full",
    "stderr-full": "exec 2> /dev/full",
    "umask-0": "umask 0",
    "umask-777": "umask 777",
    "few-descriptors": "ulimit -n 256",
    "no-core-no-stack": "ulimit -c 0; ulimit -s 1024",
    "many-descriptors": "ulimit -n 500000",
    "signals-ignored": "trap '' HUP INT QUIT TERM PIPE USR1 ALRM",
}
IGNORE_CHILDREN = (
    "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture
def node() -> "Iterator[MailNode]":
    """A node with traps for whoever takes a program or module from a place that the caller names."""
    with MailNode(disk_mb=None) as node:
        trap = "#!/bin/sh\n: > /tmp/hostile\n"
        for name in ("postfix", "postconf", "sh", "python3", "ip"):
            node.write(f"/tmp/hostile.d/{name}", trap, 0o755)
        for name in ("os", "sys", "time", "_socket", "socket", "ocf", "psutil", "logging", "sitecustomize"):
            node.write(f"/tmp/hostile.d/{name}.py", "open('/tmp/hostile', 'w')\nraise SystemExit(99)\n")
        yield node


def life(node: MailNode, before: "tuple[str, ...]" = (), env: "dict[str, str] | None" = None) -> "list[int]":
    """The exit codes of a whole life; what is said on the way is held against the rules."""
    codes = []
    for action in ACTIONS:
        done = node.run([*before, AGENT, action], env=BASE_ENV if env is None else env, timeout=80)
        codes.append(done.returncode)
        assert "Traceback" not in done.stderr, done.stderr
        assert "ocf-exit-reason" not in done.stderr, done.stderr
        if action == "meta-data" and done.stdout:
            assert done.stdout.startswith('<?xml version="1.0"?>\n')
            assert done.stdout.rstrip().endswith("</resource-agent>")
        if action == "start":
            assert node.greeting().startswith("220 ")
    assert not node.exists("/tmp/hostile"), "a program or module of the caller's choice was run"
    assert node.daemons() == []
    return codes


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environment_changes_nothing(node: MailNode, environment: str) -> None:
    assert life(node, env=ENVIRONMENTS[environment]) == CODES


@pytest.mark.parametrize("caller", CALLERS)
def test_caller_changes_nothing(node: MailNode, caller: str) -> None:
    before = ("/bin/bash", "-c", f'{CALLERS[caller]}; exec "$@"', "caller")
    assert life(node, before) == CODES


def test_caller_that_ignores_its_children_changes_nothing(node: MailNode) -> None:
    assert life(node, ("/usr/bin/python3", "-c", IGNORE_CHILDREN)) == CODES


def test_snapshot_is_for_root_alone_whatever_the_mask(node: MailNode) -> None:
    done = node.run(["/bin/bash", "-c", f"umask 0; exec {AGENT} start"])
    assert done.returncode == 0
    listed = node.run(["stat", "-c", "%a %U %F", "/run/resource-agents/postfix_ha-etc-postfix.snapshot"])
    assert listed.stdout == "600 root regular file\n"
    assert node.run(["stat", "-c", "%a %U", "/run/resource-agents"]).stdout == "755 root\n"


def test_a_reader_that_has_gone_is_no_failure(node: MailNode) -> None:
    for action in ("meta-data", "usage", "methods"):
        done = node.run(["/bin/bash", "-c", f"{AGENT} {action} | true; echo ${{PIPESTATUS[0]}}"])
        assert (done.stdout, done.stderr) == ("0\n", "")


# Not root


@pytest.mark.parametrize("level", [None, 0, 10])
@pytest.mark.parametrize("action", ["validate-all", "meta-data", "usage"])
def test_user_may_ask_what_needs_no_rights(node: MailNode, action: str, level: "int | None") -> None:
    env = BASE_ENV if level is None else {**BASE_ENV, "OCF_CHECK_LEVEL": str(level)}
    done = node.run([AGENT, action], env=env, user="daemon")
    assert (done.returncode, "ocf-exit-reason" in done.stderr) == (0, False), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("is_running", [False, True])
@pytest.mark.parametrize("action", ["start", "stop", "monitor", "reload"])
def test_user_is_told_that_root_is_needed(node: MailNode, action: str, is_running: bool) -> None:
    """Most of all a user must not be told "stopped", for what cannot be seen may still run."""
    if is_running:
        node.started()
    before = {process.pid for process in node.daemons()}
    done = node.run([AGENT, action], user="daemon")
    assert done.returncode == 4, done.stderr
    reasons = [line for line in done.stderr.splitlines() if line.startswith("ocf-exit-reason:")]
    assert len(reasons) == 1
    assert f"{action} needs root" in reasons[0]
    assert {process.pid for process in node.daemons()} == before


# By hand: a wrong call

WRONG_CALLS = [[], [""], ["START"], ["start", "stop"], ["promote"], ["../x"], ["monitor\n"], ["\u00e9t\u00e9"]]


@pytest.mark.parametrize("words", WRONG_CALLS)
def test_wrong_call_does_nothing(node: MailNode, words: "list[str]") -> None:
    done = node.run([AGENT, *words])
    assert done.returncode == (3 if len(words) == 1 and words[0] else 2)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert node.daemons() == []
    assert not node.exists(f"{QUEUE}/pid/master.pid")
