"""Attacks by words: what users, peers and the CIB say reaches no terminal, no shell and no command line of root's."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.attacks.attacker import Attacker
from tests.support.cibs import cib_text
from tests.support.machine.process import NodeProcess
from tests.support.machine.waiting import wait_for
from tests.support.mail.check_node import PROGRAM, CheckNode

PORT = 2525
MASTER = "/etc/postfix/master.cf"
OWNED = "/tmp/owned"
STEERING = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egpj\r\n"
LISTEN = f"""
import socket
found = socket.socket()
found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
found.bind(("0.0.0.0", {PORT}))
found.listen(1)
print("ready", flush=True)
import time
time.sleep(600)
"""
# A cluster's tools as a node has them whose CIB somebody hostile wrote.
TOOLS = {
    "cibadmin": "cat /root/cib.xml",
    "crm_node": "echo mail.example.com",
    "crm_mon": "cat /root/mon.xml",
    "crm_verify": "exit 0",
}
MON = """<pacemaker-result api-version="2.25" request="crm_mon"><nodes>{nodes}</nodes>
<resources><resource id="mail" resource_agent="ocf:mail:postfix_ha" role="Stopped" active="false"
managed="true"/></resources>
<node_history/><failures><failure op_key="mail_start_0" node="n&#x202e;1" exitstatus="error"
exitreason="no &#x9b;2J&#x202e;gpj way&#10;rm -rf /" exitcode="1"/></failures></pacemaker-result>"""


@pytest.fixture(scope="module")
def node() -> "Iterator[CheckNode]":
    with CheckNode(disk_mb=None) as node:
        yield node


@pytest.fixture
def stack() -> "Iterator[contextlib.ExitStack]":
    with contextlib.ExitStack() as stack:
        yield stack


def said(node: CheckNode, *words: str, **more: object) -> str:
    """What a command says; nothing of it can steer a terminal."""
    done = node.run([PROGRAM, *words], **more)  # type: ignore[arg-type]
    text = done.stdout + done.stderr
    assert all(letter.isprintable() or letter in "\n\t" for letter in text), ascii(text)
    assert "Traceback" not in text, text
    assert not node.exists(OWNED)
    return text


def hold(attacker: Attacker, stack: contextlib.ExitStack, **more: Any) -> NodeProcess:
    """Let the attacker listen on the port until the stack ends it."""
    (process,) = attacker.hold(LISTEN, **more)

    def end() -> None:
        attacker.node.signal(process, 9)
        wait_for(lambda: not attacker.lives(process), 10, "the listener has ended")

    stack.callback(end)
    return process


@pytest.fixture
def listens(node: CheckNode) -> "Iterator[None]":
    kept = node.read(MASTER)
    node.append(MASTER, f"{PORT} inet n - n - - smtpd\n")
    node.age(MASTER)
    yield
    node.write(MASTER, kept)


@pytest.mark.usefixtures("listens")
@pytest.mark.parametrize("user", ["nobody", "postfix"])
def test_the_name_of_who_holds_a_port_steers_nothing(node: CheckNode, stack: contextlib.ExitStack, user: str) -> None:
    attacker = Attacker(node, stack, user)
    program = attacker.interpreter(f"{attacker.home}/\x1b[2Jx\u202e\n'; touch {OWNED.replace('/', '')}")
    hold(attacker, stack, program=program)
    assert "endpoint_free" in said(node, "check")
    assert "\\x1b[2J" in said(node, "check")


@pytest.mark.usefixtures("listens")
@pytest.mark.parametrize("user", ["nobody", "postfix"])
def test_no_remedy_runs_a_strangers_configuration(node: CheckNode, stack: contextlib.ExitStack, user: str) -> None:
    attacker = Attacker(node, stack, user)
    process = hold(attacker, stack, env={"MAIL_CONFIG": attacker.home})
    found, *_ = [f for f in node.check().named("endpoint_free") if str(PORT) in f["text"]]
    assert attacker.home not in str(found["command"])
    assert str(found["command"]) in (f"kill {process.pid}", "None")


@pytest.mark.usefixtures("listens")
def test_roots_configuration_in_a_place_of_others_is_in_no_remedy(node: CheckNode, stack: contextlib.ExitStack) -> None:
    attacker = Attacker(node, stack, "nobody")
    holder = Attacker(node, stack, "root")
    hold(holder, stack, env={"MAIL_CONFIG": attacker.home})
    found, *_ = [f for f in node.check().named("endpoint_free") if str(PORT) in f["text"]]
    assert attacker.home not in str(found["command"])


def cluster(node: CheckNode, *nodes: str, status: str = "") -> None:
    """Let the node be in a cluster of these nodes."""
    for name, script in TOOLS.items():
        node.write(f"/usr/sbin/{name}", f"#!/bin/sh\n{script}\n", 0o755)
    mail = '<primitive id="mail" class="ocf" provider="mail" type="postfix_ha"/>'
    names = ("mail.example.com", *nodes)
    node.write("/root/cib.xml", cib_text(status and mail, nodes=names))
    listed = "".join(f'<node name="{name}" online="true"/>' for name in names)
    node.write("/root/mon.xml", MON.format(nodes=listed))


@pytest.mark.parametrize(
    "name",
    [
        f"-oProxyCommand=touch {OWNED}", f"-oProxyCommand=touch${{IFS}}{OWNED}", "-F/tmp/x", f"n1;touch {OWNED}",
        f"$(touch {OWNED})", "--", "n&#x202e;1",
    ],
)  # fmt: skip
def test_a_nodes_name_in_the_cib_is_no_option_and_no_command(node: CheckNode, name: str) -> None:
    cluster(node, name)
    for words in (["create", "--dry-run"], ["create", "--dry-run", "--json"]):
        text = said(node, *words, timeout=120)
        assert "is not a host name" in text, text


@pytest.mark.parametrize(
    "words", [["status"], ["status", "--cluster-only"], ["graph", "--dot"], ["delete", "--dry-run"]]
)
def test_an_exit_reason_steers_nothing(node: CheckNode, words: "list[str]") -> None:
    cluster(node, "n&#x202e;1", status="x")
    text = said(node, *words)
    assert "\nrm -rf" not in text
    assert words[0] != "status" or "\\x9b2J" in text


HOSTILE = {
    "steering": f"printf '%s' '{STEERING}' >&2; exit 1",
    "steering facts": f"""printf '%s' '{{"format": 1, "node": "{STEERING}"}}'""",
    "endless": "yes '{'",
    "endless error": "yes >&2",
    "deep": """python3 -c 'print("[" * 500000)'; exit 0""",
    "deep objects": """python3 -c 'print("{\\"a\\":" * 100000)'""",
    "not text": "head -c 100000 /dev/urandom",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_peer_costs_a_bounded_line(node: CheckNode, case: str) -> None:
    node.write("/usr/local/bin/hostile", f"#!/bin/sh\ncat >/dev/null\n{HOSTILE[case]}\n", 0o755)
    text = said(node, "check", "--peer", "n2", "--rsh", "/usr/local/bin/hostile", timeout=90)
    assert "no facts from n2" in text
    assert max(map(len, text.splitlines())) < 4500


@pytest.mark.parametrize(
    "change",
    [
        '"time": 1e999', '"time": -1e308', '"time": 99999999999999999999999999', '"ids": {"mail_owner": {"uid": -1}}',
        '"ids": {"setgid_group": {"gid": 1e300}}', '"endpoints": [{"port": 99999999999999999999}]', '"running": 1e400',
    ],
)  # fmt: skip
def test_a_peers_numbers_are_bounded(node: CheckNode, change: str) -> None:
    facts = json.loads(node.run([PROGRAM, "facts", "--json"]).stdout)
    text = json.dumps(facts)[:-1] + ", " + change + "}"
    node.write("/root/facts.json", text)
    node.write("/usr/local/bin/hostile", "#!/bin/sh\ncat >/dev/null\ncat /root/facts.json\n", 0o755)
    assert "no facts from n2" in said(node, "check", "--peer", "n2", "--rsh", "/usr/local/bin/hostile")


def test_a_peers_texts_are_quoted_and_bounded(node: CheckNode) -> None:
    facts = json.loads(node.run([PROGRAM, "facts", "--json"]).stdout)
    evil = f"x'; touch {OWNED} #\x1b[2J\u202e" + "y" * 20_000
    facts.update(node=evil, addresses=[evil], units=[{"name": evil, "path": evil}], missing=[evil] * 12)
    facts["versions"] = {"postfix": evil, "postfix_ha": evil}
    facts["main"].update(myhostname=evil, data_directory=evil, command_directory=evil, relayhost=evil)
    facts["ids"]["mail_owner"]["uid"] = 4242
    facts["master"] = [evil, f"smtp inet n - n - - smtpd {evil}"]
    node.write("/root/facts.json", json.dumps(facts))
    node.write("/usr/local/bin/hostile", "#!/bin/sh\ncat >/dev/null\ncat /root/facts.json\n", 0o755)
    words = ["check", "--peer", "n2", "--rsh", "/usr/local/bin/hostile"]
    text = said(node, *words)
    assert "relayhost" in text
    for found in json.loads(node.run([PROGRAM, *words, "--json"]).stdout)["findings"]:
        assert len(found["text"]) < 3000
        if found["command"]:
            node.run(["sh", "-nc", found["command"]], check=True)
    assert not node.exists(OWNED)
