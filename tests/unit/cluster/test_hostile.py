"""A CIB and a peer that somebody hostile wrote: nothing of it steers, commands, or goes on for ever."""

import json
import os
import shlex
import subprocess
import sys
import time

import pytest
from lxml import etree

from postfix_ha.cli.commands.print_out import xml_lines
from postfix_ha.cluster.change.modify import delete
from postfix_ha.cluster.model.changes import ADD_CONSTRAINT, ADD_RESOURCE, changes
from postfix_ha.cluster.model.cib import parse
from postfix_ha.cluster.show.crm import crm_lines
from postfix_ha.cluster.show.pcs import pcs_script
from postfix_ha.messages.errors import Refused
from postfix_ha.peers.remote import PeerQuestion, Remote, wrong_shape
from postfix_ha.system.quoting import quote, quote_words
from tests.support.cibs import address, cib_text, file_system, mail
from tests.support.machine.node import CHECKOUT

ADDED = (ADD_RESOURCE, ADD_CONSTRAINT)
START = f'import sys; sys.path.insert(0, "{CHECKOUT}/lib"); from postfix_ha.cli.main import main; sys.exit(main())'
ORDERS = (
    '<rsc_colocation id="c1" rsc="mail" with-rsc="queue-fs" score="INFINITY"/>'
    '<rsc_order id="o1" first="queue-fs" then="mail"/>'
    '<rsc_colocation id="c2" rsc="mail-ip" with-rsc="queue-fs" score="INFINITY"/>'
    '<rsc_colocation id="c3" rsc="mail" with-rsc="mail-ip" score="INFINITY"/>'
)
# What XML 1.0 can hold of what steers: C1 controls, bidi controls, line ends.
STEERING = "&#x9b;2J&#x202e;gpj&#x2066;&#10;rm -rf /&#13;&#x2028;"


def run(file, *words, env=None):
    argv = [sys.executable, "-c", START, words[0], "--cib-file", str(file), *words[1:]]
    done = subprocess.run(
        argv, capture_output=True, check=False, timeout=120, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}
    )
    return done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode()


@pytest.fixture
def hostile(tmp_path):
    file = tmp_path / "cib.xml"
    parts = file_system() + address() + mail(config_dir=f"/etc/post&#10;touch /tmp/owned{STEERING}")
    file.write_text(cib_text(parts, ORDERS, nodes=("n1", f"n{STEERING}", "-oProxyCommand=touch /tmp/owned")))
    return file


@pytest.mark.parametrize(
    "words",
    [
        ("print",), ("print", "--format", "crm"), ("print", "--format", "xml"), ("status",), ("graph", "--dot"),
        ("graph",), ("properties",), ("delete", "--stop", "--dry-run"), ("switchover", "n1", "--dry-run"),
        ("out-of-service", "--dry-run"), ("switchover", "n\x1b[2J"), ("status", "--tag", "\x1b[2J\u202e"),
        ("extend", "x\n\u202e", "--dry-run"), ("drill", "--dry-run"),
    ],
)  # fmt: skip
def test_nothing_that_a_cib_says_steers_a_terminal(hostile, words):
    _, out, err = run(hostile, *words)
    assert out + err
    for text in (out, err):
        assert all(letter.isprintable() or letter in "\n\t" for letter in text), ascii(text)
        assert "\nrm -rf /" not in text
        assert "Traceback" not in text


def made(hostile):
    """The changes that make the hierarchy again; Pacemaker 2.1 gives no line ends of values away, others do."""
    cib = parse(hostile.read_bytes())
    return [each for each in changes(delete(cib.copy(), "mail", with_parts=True), cib) if each.kind in ADDED]


VALUE = "/etc/post\ntouch /tmp/owned\x9b2J\u202egpj\u2066\nrm -rf /\r\u2028"


def test_the_commands_that_are_printed_are_one_a_line_and_what_they_say(hostile):
    lines = pcs_script(made(hostile), "../x\n.xml")
    (line,) = [line for line in lines if " create mail " in line]
    assert all(line.startswith(("pcs ", "# pcs has no")) and line.isprintable() for line in lines), lines
    words = subprocess.run(
        ["dash", "-c", "pcs() { printf '%s\\0' \"$@\"; }; " + line], capture_output=True, check=True
    ).stdout.split(b"\0")
    assert b"config_dir=" + VALUE.encode() in words


def test_what_crmsh_cannot_take_is_a_comment_of_one_line(hostile):
    lines = crm_lines(made(hostile))
    assert all(line.isprintable() for line in lines), lines
    assert [line for line in lines if "rm -rf" in line and not line.startswith("#")] == []
    assert any(line.startswith("primitive queue-fs ") for line in lines)


def test_the_xml_that_is_printed_is_the_same_cib(hostile):
    lines = xml_lines(made(hostile))
    assert all(line.isprintable() for line in lines)
    (pair,) = etree.fromstring("\n".join(lines).encode()).xpath('//nvpair[@name="config_dir"]')
    assert pair.get("value") == VALUE


@pytest.mark.parametrize("name", ["--force", "-o", "a b", "a=b"])
def test_a_name_that_would_be_an_option_is_in_no_command(tmp_path, name):
    file = tmp_path / "cib.xml"
    pair = f'<instance_attributes id="x"><nvpair id="y" name="{name}" value="1"/></instance_attributes>'
    file.write_text(cib_text(f'<primitive id="mail" class="ocf" provider="mail" type="postfix_ha">{pair}</primitive>'))
    for form in ("pcs", "crm"):
        _, out, _ = run(file, "print", "--format", form)
        assert [
            line for line in out.splitlines() if not line.startswith("#") and ("--force" in line or "=1" in line)
        ] == []
        assert "no " in out


def test_json_is_ascii_and_has_the_real_values(hostile):
    for locale in ({}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1:strict"}):
        _, out, _ = run(hostile, "properties", "--json", env=locale)
        assert out.isascii()
        assert json.loads(out)["parameters"]["config_dir"].count("\x9b2J\u202egpj\u2066") == 1


@pytest.mark.parametrize(
    "node",
    ["-oProxyCommand=id", "--", "-", "", "n1;id", "n1 id", "$(id)", "n1\n", "user@-x", "n\u202e", "a" * 300, "`id`"],
)
def test_no_remote_shell_is_given_what_is_no_host(node, tmp_path):
    owned = tmp_path / "owned"
    shell = ["sh", "-c", f"touch {owned}; echo", "sh"]
    remote = Remote(node, shell)
    with pytest.raises(Refused):
        remote.argv(["true"])
    assert remote.paste("true") == ""
    facts, why = PeerQuestion(remote, "/etc/postfix", "", "salt", {}, time.monotonic() + 60).answer()
    assert facts is None
    assert why.isprintable()
    assert "not a host name" in why
    assert len(why) < 200
    assert not owned.exists()


def test_the_salt_is_in_no_command_line_and_comes_by_standard_input(tmp_path):
    shell = ["sh", "-c", f'cat >{tmp_path}/in; printf "%s\\n" "$@" >{tmp_path}/argv', "sh"]
    question = PeerQuestion(Remote("n2", shell), "/etc/postfix", "", "S3cr3tSalt", {}, time.monotonic() + 60)
    assert "S3cr3tSalt" not in " ".join(map(str, question.running.process.args))
    question.answer()
    assert "S3cr3tSalt" not in (tmp_path / "argv").read_text()
    assert (tmp_path / "in").read_text() == "S3cr3tSalt\n"


WORDS = [
    "a b", "x\ny",
    "-n\x1b[2J", "\n", "end\n", "'\"$(id)`id`\\", "%s%n\x07", "\udcff\udcfe", "-\n", "\u202eabc", "é\x85",
]  # fmt: skip


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("word", WORDS)
def test_any_word_is_one_printable_line_and_comes_out_as_it_was(shell, word):
    line = quote_words(["printf", "%s", word])
    assert line.isprintable()
    assert subprocess.run([shell, "-c", line], capture_output=True, check=True).stdout == os.fsencode(word)
    twice = f"{shell} -c {quote(line)}"
    assert subprocess.run([shell, "-c", twice], capture_output=True, check=True).stdout == os.fsencode(word)
    assert shlex.split(quote("plain-word")) == ["plain-word"]


FACTS = {
    "format": 1, "node": "n2", "time": 1.7e9, "missing": [], "config_dir": "/etc/postfix", "main": {}, "set": {},
    "master": [], "endpoints": [{"address": "::", "port": 25, "kind": "smtp"}],
    "ids": {"mail_owner": {"name": "postfix", "uid": 100}}, "versions": {}, "map_types": [], "map_types_used": [],
    "units": [], "tables": [], "certificates": [], "storage": {}, "secrets": {}, "addresses": [],
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"time": 1e400}, {"time": float("nan")}, {"time": -1}, {"time": 10**400}, {"time": True and 10**30},
        {"ids": {"mail_owner": {"name": "postfix", "uid": -1}}}, {"ids": {"mail_owner": {"uid": 2**32}}},
        {"ids": {"mail_owner": {"uid": "0; id"}}}, {"ids": {"setgid_group": {"gid": [1]}}},
        {"endpoints": [{"port": 65536}]}, {"endpoints": [{"port": "25"}]}, {"running": 10**30},
        {"storage": {"x": [{"y": 10**40}]}},
    ],
)  # fmt: skip
def test_numbers_from_a_peer_are_bounded(change):
    assert wrong_shape(FACTS) == ""
    assert wrong_shape({**FACTS, **change}) != ""
