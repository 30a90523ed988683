"""Names that are no text: a byte that is not UTF-8 in any path works, or is told in one line, in whatever locale."""

import contextlib
import json
import os
from collections.abc import Iterator

import pytest

from tests.attacks.attacker import Attacker
from tests.node.judged import SUCCESS, JudgedNode
from tests.support.cibs import cib_text
from tests.support.mail.check_node import PROGRAM, CheckNode
from tests.support.mail.node import QUEUE

ODD = "odd\udcff\udcfe"
SHOWN = "odd\\xff\\xfe"
LOCALES = [{}, {"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii:strict"}]
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


@pytest.fixture(scope="module")
def node() -> "Iterator[CheckNode]":
    with CheckNode(disk_mb=None) as node:
        yield node


def said(node: CheckNode, *words: str, locale: "dict[str, str]") -> str:
    done = node.run([PROGRAM, *words], env={**PATH, **locale}, timeout=90)
    text = done.stdout + done.stderr
    for word in ("Traceback", "UnicodeEncodeError", "program_sound", "report this"):
        assert word not in text, text
    assert all(letter.isprintable() or letter in "\n\t" for letter in text), ascii(text)
    return text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("command", ["check", "facts"])
def test_a_configuration_directory_is_told_in_one_line(node: CheckNode, command: str, locale: "dict[str, str]") -> None:
    node.run(["cp", "-a", "/etc/postfix", f"/etc/{ODD}"])
    text = said(node, command, "--config-dir", f"/etc/{ODD}", locale=locale)
    assert SHOWN in text
    text = said(node, command, "--json", "--config-dir", f"/etc/{ODD}", locale=locale)
    assert command == "facts" or any(ODD in f["text"] for f in json.loads(text)["findings"])


@pytest.mark.parametrize("action", ["start", "monitor", "stop", "validate-all"])
@pytest.mark.parametrize("locale", LOCALES)
def test_the_agent_tells_of_it_in_one_line(node: CheckNode, action: str, locale: "dict[str, str]") -> None:
    answer = node.agent(action, params={"config_dir": f"/etc/{ODD}"}, env={**PATH, **locale})
    assert answer.reason.isprintable()
    assert "Traceback" not in answer.stderr
    assert action not in ("start", "validate-all") or (answer.code, SHOWN in answer.reason) == (6, True), answer


@pytest.mark.parametrize("locale", LOCALES)
def test_a_unit_a_table_and_a_mailbox_with_such_names_are_told(node: CheckNode, locale: "dict[str, str]") -> None:
    wants = "/etc/systemd/system/multi-user.target.wants"
    script = 'mkdir -p "$1"; ln -sf /dev/null "$1/postfix@$2.service"; printf "a b\\n" >"/etc/postfix/$2"'
    node.run(["sh", "-ec", script, "sh", wants, ODD], check=True)
    kept = node.read("/etc/postfix/main.cf")
    try:
        node.append("/etc/postfix/main.cf", os.fsencode(f"virtual_alias_maps = hash:/etc/postfix/{ODD}\n"))
        node.append("/etc/postfix/main.cf", os.fsencode(f"mail_spool_directory = /mnt/queue/{ODD}\n"))
        node.age("/etc/postfix/main.cf")
        text = said(node, "check", locale=locale)
        assert f"postfix@{SHOWN}.service" in text
        assert f"hash:/etc/postfix/{SHOWN}" in text
        facts = json.loads(said(node, "facts", "--json", locale=locale))
        assert facts["main"]["virtual_alias_maps"] == f"hash:/etc/postfix/{ODD}"
        said(node, "facts", locale=locale)
        # The command that it gives for the unit is that of this unit.
        (found,) = [f for f in node.check().named("unit_disabled_at_boot") if ODD in f["subject"] + f["text"]]
        printed = node.run(["sh", "-c", 'systemctl() { printf %s "$2"; }; ' + found["command"]]).stdout
        assert printed == f"postfix@{ODD}.service"
    finally:
        node.write("/etc/postfix/main.cf", kept)
        node.age("/etc/postfix/main.cf")
        node.run(["rm", "-rf", f"{wants}/postfix@{ODD}.service", f"/etc/postfix/{ODD}"])


@pytest.mark.parametrize("locale", LOCALES)
def test_what_xml_cannot_hold_is_refused_in_one_line(node: CheckNode, locale: "dict[str, str]") -> None:
    kept = node.read("/etc/postfix/main.cf")
    node.write("/root/cib.xml", cib_text())
    try:
        odd = f"/mnt/queue/{ODD}"
        node.run(["mkdir", "-p", odd], check=True)
        config = kept.replace(f"queue_directory = {QUEUE}", f"queue_directory = {odd}")
        node.write("/etc/postfix/main.cf", os.fsencode(config))
        node.age("/etc/postfix/main.cf")
        words = ["create", "--cib-file", "/root/cib.xml", "--dry-run", "--no-peer-check"]
        text = said(node, *words, locale=locale)
        assert SHOWN in text or "XML" in text, text
    finally:
        node.write("/etc/postfix/main.cf", kept)
        node.age("/etc/postfix/main.cf")


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C"}])
def test_a_queue_with_such_a_name_serves_and_stops(locale: "dict[str, str]") -> None:
    with JudgedNode() as node:
        odd = f"{QUEUE}{ODD}"
        node.run(["mv", QUEUE, odd], check=True)
        config = node.read("/etc/postfix/main.cf").replace(f"queue_directory = {QUEUE}", f"queue_directory = {odd}")
        node.write("/etc/postfix/main.cf", os.fsencode(config))
        node.age("/etc/postfix/main.cf")
        answer = node.agent("start", env={**PATH, **locale}, timeout_s=60)
        if answer.code != SUCCESS:  # told in one line; Postfix itself may not take it
            assert SHOWN in answer.reason, answer
            return
        assert node.monitor(20, env={**PATH, **locale}).code == SUCCESS
        node.run(["chmod", "700", f"{odd}/active"])
        assert node.monitor(10).code == SUCCESS
        assert node.agent("stop", env={**PATH, **locale}).code == SUCCESS
        assert node.daemons() == []


@pytest.mark.parametrize("user", ["nobody", "postfix"])
def test_files_with_such_names_in_the_queue_stop_nothing(user: str) -> None:
    with JudgedNode("maillog_file =\n") as node, contextlib.ExitStack() as stack:
        attacker = Attacker(node, stack, user)
        place = f"{QUEUE}/active" if user == "postfix" else attacker.home
        attacker.python(
            "import os, sys\nfor name in (b'\\xff\\xfe', b'x\\x1b[2J\\n', b\"run 'touch owned'\", b'-rf'):\n"
            "    open(os.fsencode(sys.argv[1]) + b'/' + name, 'w').close()",
            place,
            check=True,
        )
        node.agent("validate-all", level=10)
        assert node.agent("start", timeout_s=60).code == SUCCESS
        assert node.monitor(20).code == SUCCESS
        assert node.agent("stop").code == SUCCESS
