"""Attacks on secrets: what an account of the node, the cluster's log or a report can learn of the configuration."""

import contextlib
import re
import time
from collections.abc import Iterator

import pytest

from tests.attacks.attacker import Attacker
from tests.support.mail.check_node import PROGRAM, CheckNode

MAIN, MASTER = "/etc/postfix/main.cf", "/etc/postfix/master.cf"
SECRET = "S3cr3tWord"
MAPS = "smtp_sasl_password_maps"
# What people write, and get wrong, in main.cf and master.cf.
IN_MAIN = {
    "unclosed": f"{MAPS} = static:user:{SECRET} ${{broken\n",
    "a dollar in the password": f"{MAPS} = static:user:a$({SECRET}\n",
    "a dollar and a blank": f"{MAPS} = static:user:$- {SECRET}\n",
    "an operator": f"{MAPS} = ${{x?{{static:user:{SECRET}}}junk{SECRET}}}\n",
    "no equals sign": f"{MAPS} static:user:{SECRET}\n",
    "lost indentation": f"{MAPS} =\nstatic:user:{SECRET}\n",
    "a word alone": f"{MAPS} =\n{SECRET}\n",
    "a comparison": f"{MAPS} = ${{{{static:user:{SECRET}}} ! {{x}}?{{y}}}}\n",
    "a macro's": f"{MAPS} = static:user:$part\npart = {SECRET}\n",
    "twice": f"my_password = {SECRET}\nmy_password = {SECRET}2\n",
    "a number": f"my_password = {SECRET}\nsmtpd_timeout = $my_password\n",
    "an address": f"luser_relay = smtp://user:{SECRET}@example.com\n",
    "a variable": f"import_environment = MAIL_CONFIG API_TOKEN={SECRET}\n",
}
IN_MASTER = {
    "twice": f" -o {MAPS}=static:u:{SECRET} -o {MAPS}=static:u:other",
    "no equals sign": f" -o {MAPS} static:u:{SECRET}",
    "braces": f" -o {{{MAPS} static:u:{SECRET}}}",
    "unclosed": f" -o {{{MAPS}=static:u:{SECRET}",
    "a macro": f" -o {MAPS}=static:u:$part -o part={SECRET}",
    "lost indentation": f"\n-o {MAPS}=static:u:{SECRET} x y z a b c",
    "an argument": f" -o x=y\nfilter unix - n n - - pipe user=nobody argv=/bin/true --password {SECRET}",
}


@pytest.fixture(scope="module")
def node() -> "Iterator[CheckNode]":
    with CheckNode(disk_mb=None) as node:
        yield node


@contextlib.contextmanager
def written(node: CheckNode, main: str = "", master: str = "") -> "Iterator[None]":
    """For as long as the with block lasts, this stands at the end of the configuration."""
    kept = {path: node.read(path) for path in (MAIN, MASTER)}
    try:
        node.append(MAIN, main)
        node.append(MASTER, f"hidden unix - - n - - smtp{master}\n" if master else "")
        node.age(MAIN)
        node.age(MASTER)
        yield
    finally:
        for path, text in kept.items():
            node.write(path, text)


def everything_said(node: CheckNode) -> str:
    """All that the agent and the command say of the configuration: exit reasons, logs, reports."""
    said = [repr(node.agent(action, timeout_s=30)) for action in ("start", "monitor", "validate-all", "stop")]
    for words in (["facts"], ["facts", "--json"], ["check"], ["check", "--json"]):
        done = node.run([PROGRAM, *words])
        assert "Traceback" not in done.stderr
        said += [done.stdout, done.stderr]
    return "\n".join([*said, node.cluster_log()])


@pytest.mark.parametrize("case", IN_MAIN)
def test_no_word_of_a_secret_in_main_cf_is_told(node: CheckNode, case: str) -> None:
    with written(node, IN_MAIN[case]):
        said = everything_said(node)
        assert "main.cf" in said
        assert SECRET not in said, [line for line in said.splitlines() if SECRET in line]


@pytest.mark.parametrize("case", IN_MASTER)
def test_no_word_of_a_secret_in_master_cf_is_told(node: CheckNode, case: str) -> None:
    with written(node, master=IN_MASTER[case]):
        said = everything_said(node)
        assert SECRET not in said, [line for line in said.splitlines() if SECRET in line]


def test_what_is_no_secret_stays_readable(node: CheckNode) -> None:
    with written(node, f"{MAPS} = static:user@$mydomain:{SECRET}\nmydomain = example.com\n"):
        facts = node.run([PROGRAM, "facts", "--json"]).stdout
        assert '"lmtp_sasl_password_result_delimiter": ":"' in facts or "result_delimiter" not in facts
        assert '"mydomain": "example.com"' in facts
        assert '"queue_directory": "/mnt/queue/postfix"' in facts
        assert facts.count("(hidden)") < 12


WATCH = """
import os, sys, time
print("ready", flush=True)
seen, end = set(), time.monotonic() + 60
while time.monotonic() < end and not os.path.exists(sys.argv[1]):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    seen.update(file.read().split(b"\\0"))
            except OSError:
                pass
with open(sys.argv[2], "wb") as file:
    file.write(b"\\n".join(seen))
"""
SALT = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


@pytest.mark.parametrize("user", ["nobody", "postfix"])
def test_no_account_sees_the_salt_of_a_comparison(node: CheckNode, user: str) -> None:
    with contextlib.ExitStack() as stack:
        attacker = Attacker(node, stack, user)
        end, found = f"/tmp/end-{user}", f"{attacker.home}/seen"
        node.write(
            "/usr/local/bin/slow", '#!/bin/sh\ncat >/tmp/asked; printf "%s " "$@" >/tmp/words; sleep 2; exit 9\n', 0o755
        )
        attacker.hold(WATCH, end, found)
        node.run([PROGRAM, "check", "--peer", "n2", "--rsh", "/usr/local/bin/slow"])
        node.write(end, "")
        limit = time.monotonic() + 30
        while not (node.exists(found) and node.read(found)) and time.monotonic() < limit:
            time.sleep(0.1)
        seen = node.read(found).encode()
        assert b"facts" in seen  # it did look while the question was asked
        assert SALT.findall(seen) == []
        assert SALT.search(node.read("/tmp/asked").encode())
