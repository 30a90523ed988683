"""postfix-ha check and facts as a program: what a healthy node gives, exit codes, JSON, colours, no change, no hang."""

import json
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator as Validator

from tests.support.machine.node import BASE_ENV, CHECKOUT, PYTHON
from tests.support.mail.check_node import ADDRESS, LAUNCHER, PROGRAM, QUEUE, CheckNode
from tests.support.mail.node import MailNode

MEASURE = str(CHECKOUT / "ci" / "lib" / "bench" / "measure.py")
SCHEMAS = CHECKOUT / "metadata" / "schema"


@pytest.fixture(scope="module")
def node() -> "Iterator[CheckNode]":
    with CheckNode() as node:
        yield node


def schema(name: str) -> "dict[str, object]":
    """A schema of ours that is one, and has no word that a validator would pass over."""
    found = json.loads((SCHEMAS / f"{name}.json").read_text())
    Validator.check_schema(found)
    assert words_of(found) <= {*Validator.VALIDATORS, "$schema", "title", "description"}
    return found


def words_of(part: "dict[str, object]") -> "set[str]":
    """The keywords of a schema and of the schemas inside of it."""
    inner = [*part.get("properties", {}).values(), part.get("items", {}), part.get("additionalProperties", {})]
    return set(part).union(*(words_of(each) for each in inner if each and isinstance(each, dict)))


def problems(value: object, schema: "dict[str, object]") -> "list[str]":
    """Everything in the value that the schema does not allow."""
    return [f"{error.json_path}: {error.message}" for error in Validator(schema).iter_errors(value)]


def run(node: CheckNode, *words: str, **more: object) -> "subprocess.CompletedProcess[str]":
    done = node.run([PROGRAM, *words], **more)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def tree(node: CheckNode, *tops: str) -> str:
    """Every file below the directories with owner, mode, size and time of change."""
    return node.shell(f"find {' '.join(tops)} -xdev -printf '%p %U %G %m %s %T@ %l\\n' | sort")


# A healthy node


def test_a_healthy_node_has_nothing_against_it_stopped_and_running(node: CheckNode) -> None:
    only_note = ["queue_storage_shared"]  # whether others reach a block device is for --peer to tell
    checked = node.check()
    assert (checked.code, checked.ids()) == (0, only_note)
    node.started()
    try:
        for options in ((), ("--level", "20"), ("--strict",)):
            checked = node.check(*options)
            assert (checked.code, checked.ids()) == (0, only_note), checked.findings
    finally:
        node.agent("stop")


def test_a_node_as_installed_has_warnings_that_are_true_and_no_errors() -> None:
    with MailNode(disk_mb=None) as node:
        node.write(PROGRAM, LAUNCHER, 0o755)
        done = node.run([PROGRAM, "check", "--json"])
        found = json.loads(done.stdout)
        assert done.returncode == 0, found
        assert found["errors"] == 0
        ids = {one["id"] for one in found["findings"]}
        assert ids <= {
            "unit_disabled_at_boot",  # as Debian's package leaves it
            "spool_on_cluster_storage",  # /var/mail is on the node
            "queue_on_cluster_storage",  # a tmpfs
            "bind_address_chosen",
        }
        assert {"spool_on_cluster_storage", "queue_on_cluster_storage", "bind_address_chosen"} <= ids


def test_it_changes_nothing(node: CheckNode) -> None:
    places = ("/etc", "/var/lib/postfix", "/var/spool", "/run", "/tmp", "/usr/sbin", "/mnt/queue")
    before, log = tree(node, *places), node.mail_log()
    node.check()
    node.check("--level", "20")
    run(node, "facts")
    assert tree(node, *places) == before
    assert node.mail_log() == log
    assert node.daemons() == []


def test_it_needs_no_cluster_and_no_environment(node: CheckNode) -> None:
    for env in ({}, {"PATH": ""}, {**BASE_ENV, "LC_ALL": "C", "PYTHONPATH": "/nowhere", "MAIL_CONFIG": "/nowhere"}):
        assert node.check(env=env).ids() == node.usual


def test_it_is_quick(node: CheckNode) -> None:
    """By CPU time, which a busy machine does not stretch; ci/bench has the wall clock beside that of postfix check."""
    commands = [{"name": name, "argv": argv, "env": BASE_ENV} for name, argv in (
        ("ours", [PROGRAM, "check"]), ("theirs", ["/usr/sbin/postfix", "check"]))]  # fmt: skip
    plan = json.dumps({"rounds": 5, "commands": commands})
    figures = json.loads(node.run([PYTHON, MEASURE], input=plan, check=True).stdout)
    ours, theirs = (min(figures[name]["cpu_s"]) for name in ("ours", "theirs"))
    assert ours < 0.5
    assert ours / theirs < 1.7


# What it prints


def test_the_table_begins_with_errors_and_ends_with_a_sum(node: CheckNode) -> None:
    node.shell(f"chmod 755 /usr/sbin/postdrop; chgrp 4242 {QUEUE}/maildrop")
    try:
        done = run(node, "check")
        lines = done.stdout.splitlines()
        assert done.returncode == 2
        severities = [line.split()[0] for line in lines if re.match(r"(error|warning|note) ", line)]
        assert severities == ["error", "warning", "note"]
        assert lines[-1] == "1 error, 1 warning, 1 note"
        text = "\n".join(lines)
        assert f"{QUEUE}/maildrop belongs to group 4242" in text
        assert f"         $ chgrp -R postdrop {QUEUE}/maildrop {QUEUE}/public\n" in text
        assert "queue_directory" not in lines[0]
        assert done.stderr == ""
    finally:
        node.shell(f"chmod 2755 /usr/sbin/postdrop; chgrp postdrop {QUEUE}/maildrop")


def test_file_and_line_are_told(node: CheckNode) -> None:
    node.shell("printf '\\n# a remark\\nmy_virt =\\n  1\\n' >>/etc/postfix/main.cf")
    node.age("/etc/postfix/main.cf")
    try:
        number = node.read("/etc/postfix/main.cf").splitlines().index("my_virt =") + 1
        assert f"parameters_known, /etc/postfix/main.cf:{number}\n" in run(node, "check").stdout
    finally:
        node.shell("postconf -X my_virt")
        node.age("/etc/postfix/main.cf")


def on_terminal(node: CheckNode, env: "dict[str, str]") -> str:
    ours, theirs = pty.openpty()
    process = node.popen([PROGRAM, "check"], stdout=theirs, stderr=theirs, env={**BASE_ENV, **env})
    os.close(theirs)
    text = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        text += data
    os.close(ours)
    assert process.wait(30) == 0
    return text.decode()


def test_colours_are_for_terminals_and_not_for_who_says_no(node: CheckNode) -> None:
    assert "\033[36mnote" in on_terminal(node, {"TERM": "xterm"})
    assert "\033" not in on_terminal(node, {"TERM": "xterm", "NO_COLOR": "1"})
    assert "\033" not in run(node, "check").stdout


def test_a_value_cannot_steer_the_terminal(node: CheckNode) -> None:
    node.write("/etc/postfix/main.cf", "my_virt\x1b]0;evil\x07 = 1\n", append=True)
    node.age("/etc/postfix/main.cf")
    try:
        done = run(node, "check")
        assert "\x1b" not in done.stdout
        assert "\x07" not in done.stdout
    finally:
        node.shell("sed -i '/evil/d' /etc/postfix/main.cf")
        node.age("/etc/postfix/main.cf")


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LANG": "en_US.ISO-8859-1"}])
def test_any_locale_will_do(node: CheckNode, env: "dict[str, str]") -> None:
    node.set("mail_spool_directory = /var/mäil-\udcff")
    node.age("/etc/postfix/main.cf")
    try:
        assert run(node, "check", env={**BASE_ENV, **env}).returncode == 0
    finally:
        node.set("mail_spool_directory = /mnt/queue/mail")
        node.age("/etc/postfix/main.cf")


def test_json_is_as_its_schema_says(node: CheckNode) -> None:
    node.shell("chmod 755 /usr/sbin/postdrop; chmod 644 /usr/sbin/postsuper; echo 'x' >>/etc/postfix/main.cf")
    try:
        checked = node.check()
        assert problems(checked.raw, schema("check")) == []
        assert checked.raw["errors"] == len(checked.ids("error")) > 0
    finally:
        node.shell("chmod 2755 /usr/sbin/postdrop; chmod 755 /usr/sbin/postsuper; sed -i '/^x$/d' /etc/postfix/main.cf")
        node.age("/etc/postfix/main.cf")
    assert problems(node.check().raw, schema("check")) == []


# Exit codes and the command line


def test_exit_codes(node: CheckNode) -> None:
    assert node.check("--strict").code == 0
    node.shell("chmod 755 /usr/sbin/postdrop")
    try:
        assert node.check().code == 0
        assert node.check("--strict").code == 1
        node.shell("chmod 644 /usr/sbin/postsuper")
        assert node.check().code == 2
    finally:
        node.shell("chmod 2755 /usr/sbin/postdrop; chmod 755 /usr/sbin/postsuper")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["check", "--foo"], "--foo"),
        (["check", "--level", "7"], "--level"),
        (["check", "--peer"], "--peer"),
        (["check", "--peer=-oProxyCommand=evil"], "not the name of a node"),
        (["check", "--peer", "n2", "--rsh", "ssh 'x"], "--rsh"),
        (["check", "--trial", "--mount", "nothing"], "DEVICE:DIRECTORY"),
        (["check", "--trial", "--prefix", "x"], "prefix length"),
        (["check", "two\nlines"], "two lines"),
        (["nosuch"], "nosuch"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(node: CheckNode, words: "list[str]", says: str) -> None:
    done = run(node, *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
    assert "--help" in done.stderr


def test_help_has_examples(node: CheckNode) -> None:
    for words in (["check"], ["facts"]):
        done = run(node, *words, "--help")
        assert done.returncode == 0
        assert f"examples:\n  postfix-ha {words[0]}" in done.stdout


def test_wrong_parameters_are_told_and_the_command_puts_it_right(node: CheckNode) -> None:
    for words, check in (
        (["--config-dir", "./etc"], "config_dir_given"),
        (["--config-dir", "postfix"], "config_dir_absolute"),
        (["--binary", "./postfix"], "binary_dir_given"),
    ):
        checked = node.check(*words)
        assert checked.code == 2
        (found,) = checked.named(check)
        assert words[1] in found["text"]
        assert node.run(["/bin/sh", "-c", found["command"]]).returncode == 0


def test_level_0_looks_at_the_parameters_alone(node: CheckNode) -> None:
    node.shell("chmod 644 /usr/sbin/postsuper")
    try:
        assert node.check("--level", "0").ids() == []
        assert node.check("--level", "0", "--config-dir", "./x").code == 2
    finally:
        node.shell("chmod 755 /usr/sbin/postsuper")


def test_without_root_it_says_so_and_tells_what_it_can(node: CheckNode) -> None:
    checked = node.check(user="postfix")
    (found,) = checked.named("run_by_root")
    assert found["severity"] == "warning"
    assert checked.code == 0
    done = run(node, "facts", "--json", user="postfix")
    assert done.returncode == 0
    assert "run it as root" in done.stderr
    assert json.loads(done.stdout)["complete"] is False


def test_a_reader_that_goes_away_is_no_failure_to_speak_of(node: CheckNode) -> None:
    done = node.run(["/bin/sh", "-c", f"{PROGRAM} facts --json | head -c 10; {PROGRAM} check | true"])
    assert done.stderr == ""


# Facts


def test_facts_are_as_the_schema_says_and_as_postconf_has_them(node: CheckNode) -> None:
    done = run(node, "facts", "--json")
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    assert problems(facts, schema("facts")) == []
    told = [line.partition(" =") for line in node.shell("postconf -x").splitlines()]
    expected = {name: value[1:] for name, _, value in told}
    changing = {"process_id"}
    assert {n: v for n, v in facts["main"].items() if n not in changing} == {
        n: v for n, v in expected.items() if n not in changing
    }
    assert facts["master"] == node.shell("postconf -M").splitlines()
    assert {(e["address"], e["port"], e["kind"]) for e in facts["endpoints"]} == {
        (ADDRESS, 25, "smtp"),
        ("127.0.0.1", 25, "smtp"),
    }
    uid, gid = node.shell("id -u postfix; getent group postdrop | cut -d: -f3").split()
    assert facts["ids"] == {
        "mail_owner": {"name": "postfix", "uid": int(uid)},
        "setgid_group": {"name": "postdrop", "gid": int(gid)},
    }
    assert facts["storage"]["queue"]["uuid"] == node.queue.uuid
    assert node.queue.uuid in facts["storage"]["uuids"]
    assert facts["running"] is None


def test_facts_of_a_node_without_address_and_queue_are_whole(node: CheckNode) -> None:
    """Postfix's own commands refuse there; the facts of a node that stands by are what --peer needs most."""
    node.shell(f"ip address del {ADDRESS}/24 dev eth0; postconf -X mynetworks")
    node.age("/etc/postfix/main.cf")
    try:
        facts = json.loads(run(node, "facts", "--json").stdout)
        assert facts["complete"] is True
        assert facts["main"]["queue_directory"] == QUEUE
        assert "hash" in facts["map_types"]
        assert facts["endpoints"]
    finally:
        node.shell(f"ip address add {ADDRESS}/24 dev eth0")
        node.set("mynetworks = 127.0.0.0/8, 198.51.100.0/24")
        node.age("/etc/postfix/main.cf")


def test_two_salts_give_two_digests_and_one_salt_gives_one(node: CheckNode) -> None:
    node.set("smtp_sasl_password_maps = static:user:verysecret")
    node.age("/etc/postfix/main.cf")
    try:
        first, again, other = (run(node, "facts", "--json", "--salt", salt).stdout for salt in ("a", "a", "b"))
        digests = [json.loads(text)["secrets"]["smtp_sasl_password_maps"] for text in (first, again, other)]
        assert digests[0] == digests[1] != digests[2]
        assert "verysecret" not in first + other
        assert json.loads(first)["main"]["smtp_sasl_password_maps"] == "(hidden)"
    finally:
        node.shell("postconf -X smtp_sasl_password_maps")
        node.age("/etc/postfix/main.cf")


# It never hangs


def test_a_name_server_that_is_silent_holds_it_up_for_a_moment_only(node: CheckNode) -> None:
    node.write("/etc/resolv.conf", "nameserver 198.51.100.99\n")
    node.set("mydestination = example.com")
    node.age("/etc/postfix/main.cf")
    try:
        begin = time.monotonic()
        assert "mx_names_service" not in node.check().ids()
        assert time.monotonic() - begin < 5
    finally:
        node.write("/etc/resolv.conf", "")
        node.set("mydestination = $myhostname, localhost")
        node.age("/etc/postfix/main.cf")


def test_a_broken_main_cf_is_told_without_waiting_for_postconf(node: CheckNode) -> None:
    kept = node.read("/etc/postfix/main.cf")
    for broken in ("no equals sign\n", "x = ${y\n", "\x00\x00\n", "a = $a\n", "= 1\n"):
        node.write("/etc/postfix/main.cf", kept + broken)
        node.age("/etc/postfix/main.cf")
        begin = time.monotonic()
        checked = node.check()
        assert time.monotonic() - begin < 6
        assert checked.ids() != [], broken
    node.write("/etc/postfix/main.cf", kept)
    node.age("/etc/postfix/main.cf")
    assert node.check().ids() == node.usual
