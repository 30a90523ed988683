"""postfix-ha create, on the real cluster: from a Postfix that works on one node to one that three nodes protect."""

import time
from concurrent.futures import ThreadPoolExecutor
from subprocess import PIPE

import pytest

from tests.support.lab.config import QUEUE, RECIPIENT
from tests.support.lab.network import NETWORKS, PREFIX, SERVICE_ADDRESS
from tests.support.lab.node import QUEUE_MOUNT
from tests.support.lab.resources import ADDRESS, FILESYSTEM, MAIL
from tests.support.lab.tool import COMMAND, same_cluster
from tests.support.machine.node import PYTHON
from tests.support.machine.terminal import Terminal

TAG = "postfix-on-mnt-queue-postfix"
HELD = "table inet postfix_ha"
# A message that ends when it is told to; what the server says to that.
TALK = f"""
import smtplib
smtp = smtplib.SMTP("{SERVICE_ADDRESS}", 25, timeout=60)
smtp.ehlo(), smtp.mail("a@example.com"), smtp.rcpt("{RECIPIENT}"), smtp.docmd("DATA")
print("talks", flush=True)
input()
smtp.send("x\\r\\n.\\r\\n")
print(smtp.getreply()[0])
"""
BY_HAND = f"""
mount -t ext4 /dev/shared {QUEUE_MOUNT} &&
ip address add {SERVICE_ADDRESS}/{PREFIX} dev {NETWORKS["client"][1]} &&
postfix start"""


@pytest.fixture
def bare(lab, tool):
    """The cluster with its fence devices alone; Postfix runs on n1, started by hand. The lab's own comes back."""
    tool.ok("delete", "--stop", "--with-parts")
    lab.wait_for(lab.is_idle, 30, "the parts are stopped")
    assert not any(node.mounts_queue() for node in lab.nodes.values())
    assert [each.get("id") for each in lab.cib().iterfind(".//primitive") if each.get("class") != "stonith"] == []
    assert lab.cib().find("configuration/constraints").getchildren() == []
    lab.nodes["n1"].run(["sh", "-c", BY_HAND], check=True)
    return lab


def constraints(cib, tag):
    return {tuple(sorted((k, v) for k, v in each.attrib.items() if k != "id")) for each in cib.iter(tag)}


@pytest.mark.namespaces("the names that disks and interfaces have there")
def test_one_command_protects_a_running_postfix_on_three_nodes(bare, tool):
    lab = bare
    node, master = lab.master()
    begin = time.monotonic()
    said = tool.ok("create", "--yes", "--tag", MAIL, *tool.rsh)
    took_s = time.monotonic() - begin
    assert "smtp_bind_address" in said  # P59
    assert took_s < 20
    assert lab.where() == node.name == "n1"
    assert lab.master()[1].pid == master.pid, "the running master is taken over, not restarted"
    cib = lab.cib()
    device = cib.find(".//primitive[@id='fs-mnt-queue']//nvpair[@name='device']").get("value")
    assert device.startswith("/dev/disk/by-uuid/")
    first = {(each.get("first"), each.get("then")) for each in cib.iter("rsc_order")}
    assert first == {("fs-mnt-queue", MAIL), (f"ip-{SERVICE_ADDRESS}", MAIL)}
    # P51: once more, and nothing changes.
    before = tool.configuration()
    assert "already configured as requested" in tool.ok("create", "--yes", "--tag", MAIL, *tool.rsh)
    assert tool.configuration() == before
    # It moves, and mail flows there.
    tool.ok("switchover", "n2")
    acknowledged = lab.client.ledger.acknowledged
    lab.wait_for(lambda: lab.client.ledger.acknowledged > acknowledged, 20, "mail is taken on n2")
    lab.wait_for(lab.is_idle, 30, "the cluster is idle")
    done = lab.run("crm_verify", "--live-check")
    assert done.returncode == 0, done.stderr


@pytest.mark.namespaces("the names that disks and interfaces have there")
def test_configuration_on_the_shared_disk_and_two_addresses(bare, tool):
    lab = bare
    second = "198.51.100.101"
    node = lab.nodes["n1"]
    script = f"""
        postfix stop; mkdir {QUEUE_MOUNT}/conf && cp -a /etc/postfix/. {QUEUE_MOUNT}/conf/ &&
        ip address add {second}/{PREFIX} dev {NETWORKS["client"][1]} &&
        postconf -c {QUEUE_MOUNT}/conf -e 'inet_interfaces = {SERVICE_ADDRESS}, {second}' \\
            'data_directory = /var/lib/postfix-shared' &&
        postfix -c {QUEUE_MOUNT}/conf start"""
    kept = node.read("/etc/postfix/main.cf")
    for each in lab.nodes.values():
        each.run(["install", "-d", "-o", "postfix", "/var/lib/postfix-shared"], check=True)
    node.run(["sh", "-c", script], check=True)
    for each in lab.nodes.values():  # no other instance has this queue
        each.write("/etc/postfix/main.cf", kept.replace(QUEUE, "/var/spool/postfix"))
    config = ("--config-dir", f"{QUEUE_MOUNT}/conf")
    try:
        # Two at once: one of them makes it, the other finds it made.
        with ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(lambda _: tool.run("create", "--yes", "--tag", MAIL, *config, *tool.rsh), range(2)))
        assert [done.returncode for done in ended] == [0, 0], "".join(done.stderr for done in ended)
        found = tool.json("properties")
        assert sorted(found["addresses"]) == sorted([SERVICE_ADDRESS, second])
        assert found["file_systems"] == {QUEUE_MOUNT: "fs-mnt-queue"}
        assert len(lab.cib().findall(".//primitive[@type='postfix_ha']")) == 1
        tool.ok("switchover", "n3")
        assert lab.where() == "n3"
        assert not lab.nodes["n1"].exists(f"{QUEUE_MOUNT}/conf/main.cf"), "a passive node does not see it"
        greetings = tool.json("status", "--rsh", tool.rsh[1])["hierarchies"][0]["endpoints"]
        assert all("220" in said for said in greetings.values())
        assert len(greetings) == 2
    finally:
        for each in lab.nodes.values():
            each.write("/etc/postfix/main.cf", kept)
        tool.restore()
        lab.settle()
        lab.nodes[lab.where()].run(["rm", "-r", f"{QUEUE_MOUNT}/conf"], check=True)


def tables(node):
    """What the node's firewall has."""
    return node.run(["nft", "list", "tables"]).stdout.splitlines()


def delete_in_order(lab, tool, node):
    """Delete the service; its sessions end in order, and no node has anything of it in its firewall afterwards."""
    assert all(HELD in tables(each) for each in lab.nodes.values())
    with lab.client_node.popen([PYTHON, "-c", TALK], stdin=PIPE, stdout=PIPE, text=True) as sender:
        assert sender.stdout.readline() == "talks\n"
        with ThreadPoolExecutor(1) as pool:
            deleting = pool.submit(tool.ok, "delete", "--stop")
            draining = ["nft", "list", "set", *HELD.split()[1:], "draining4"]
            lab.wait_for(lambda: "elements" in node.run(draining).stdout, 30, "new connections are held")
            assert sender.communicate("end\n", timeout=20)[0] == "250\n"
            deleting.result()
    assert not [each.name for each in lab.nodes.values() if HELD in tables(each)]


def test_a_service_that_does_not_come_up_says_why_and_the_change_is_taken_back(lab, tool):
    node = lab.nodes["n1"]
    tool.ok("switchover", "n1")
    delete_in_order(lab, tool, node)
    before = tool.configuration()
    # No check can see this: the server ends as soon as it has begun.
    node.write("/root/smtpd", "#!/bin/sh\nexit 1\n", 0o755)
    node.run(["mount", "--bind", "/root/smtpd", "/usr/lib/postfix/sbin/smtpd"], check=True)
    done = tool.run("create", "--yes", "--tag", MAIL, "--node", "n1", *tool.rsh)
    node.run(["umount", "/usr/lib/postfix/sbin/smtpd"], check=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "start of mail on n1 at " in done.stderr
    assert "rolled back" in done.stderr
    assert tool.configuration() == before


def test_the_three_print_outs_make_the_same_cluster(lab, tool):
    node = lab.nodes[lab.where()]
    for name in ("base", "xml", "pcs", "crm"):
        node.write(f"/root/{name}.xml", lab.run("cibadmin", "--query").stdout)
    for name in ("base", "xml", "pcs", "crm"):
        tool.ok("delete", "--cib-file", f"/root/{name}.xml", "--with-parts", "--stop", "--yes", on=node.name)
    arguments = ("create", "--yes", "--tag", MAIL, "--node", "n1", "--node", "n2")
    printed = tool.json(*arguments, "--dry-run", "--cib-file", "/root/base.xml", on=node.name)
    tool.ok(*arguments, "--cib-file", "/root/xml.xml", on=node.name)
    pcs = [line.replace("/root/base.xml", "/root/pcs.xml") for line in printed["pcs"]]
    node.run(["sh", "-c", "set -e\n" + "\n".join(pcs)], check=True)
    node.write("/root/crm.txt", "\n".join(printed["crm"]) + "\n")
    node.run(["sh", "-c", "mkdir -p /var/log/crmsh; CIB_file=/root/crm.xml crm configure </root/crm.txt"], check=True)
    made = {name: same_cluster(node.read(f"/root/{name}.xml")) for name in ("base", "xml", "pcs", "crm")}
    assert made["xml"] != made["base"]
    assert made["pcs"] == made["xml"]
    assert made["crm"] == made["xml"]
    assert [action for action in printed["simulation"]["actions"] if action.startswith("start mail")]


def test_a_dry_run_changes_nothing_and_shows_everything(lab, tool):
    before = tool.configuration()
    text = tool.ok("properties", "--switchback", "automatic", "--dry-run")
    assert tool.configuration() == before
    assert "+++ then" in text
    assert f"pcs -f change.xml resource meta {MAIL} resource-stickiness=0" in text
    assert "pcs cluster cib-push change.xml" in text
    assert "the cluster would then:" in text


def test_two_administrators_and_more_at_once_lose_nothing(lab, tool):
    work = {
        "n1": [["--parameter", "greeting_timeout=11"], ["--meta", "priority=7"]],
        "n2": [["--operation", "monitor interval=2s timeout=21s"], ["--meta", "migration-threshold=5"]],
        "n3": [["--operation", "stop timeout=61s"], ["--parameter", "parameters=-v"]],
    }

    def administer(name):
        return [tool.run("properties", "--no-wait", *each, on=name) for each in work[name]]

    def another(_):
        node = lab.nodes["n2"]
        return [node.run(["crm_attribute", "--name", f"batch-limit-{at}", "--update", "1"]) for at in range(6)]

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(administer, name) for name in work] + [pool.submit(another, None)]
        ended = [done for each in running for done in each.result()]
    assert [done.stderr for done in ended if done.returncode] == []
    found = tool.json("properties")
    assert found["parameters"]["greeting_timeout"] == "11"
    assert found["parameters"]["parameters"] == "-v"
    assert found["meta"]["priority"] == "7"
    assert found["meta"]["migration-threshold"] == "5"
    assert "monitor interval=2s timeout=21s" in found["operations"]
    assert any(line.startswith("stop") and "timeout=61s" in line for line in found["operations"])
    options = {each.get("name") for each in lab.cib().iterfind("configuration/crm_config//nvpair")}
    assert {f"batch-limit-{at}" for at in range(6)} <= options


def test_create_refuses_on_a_node_that_has_not_the_queue(lab, tool):
    away = next(name for name in lab.nodes if name != lab.where())
    lab.nodes[away].write("/root/away.xml", lab.run("cibadmin", "--query").stdout)
    tool.ok("delete", "--stop", "--with-parts", "--yes", "--cib-file", "/root/away.xml", on=away)
    said = tool.refused("create", "--yes", "--cib-file", "/root/away.xml", on=away)
    assert f"the queue directory {QUEUE} is not on a file system that moves" in said


def test_create_checks_every_node_and_says_all_at_once(lab, tool):
    tool.ok("delete", "--leave-running")
    here = lab.where(FILESYSTEM)
    others = [name for name in lab.nodes if name != here]
    kept = {name: lab.nodes[name].read("/etc/passwd") for name in others}
    try:
        for number, name in enumerate(others, 4242):
            lines = [line.split(":") for line in kept[name].splitlines()]
            changed = [":".join([*f[:2], str(number), *f[3:]] if f[0] == "postfix" else f) for f in lines]
            lab.nodes[name].write("/etc/passwd", "\n".join(changed) + "\n")
        said = tool.refused("create", "--yes", "--tag", MAIL, "--switchback", "automatic", *tool.rsh, on=here)
    finally:
        for name in others:
            lab.nodes[name].write("/etc/passwd", kept[name])
    for name in others:
        assert [line for line in said.splitlines() if "does not match between servers" in line and name in line]
    assert "switchback of queue-fs" in said
    unreachable = tool.refused("create", "--yes", "--tag", MAIL, "--rsh", "false", on=here)
    assert all(name in unreachable for name in others)
    tool.ok("create", "--yes", "--tag", MAIL, "--rsh", "false", "--no-peer-check", on=here)


def test_without_root(lab, tool):
    for arguments in (["create", "--yes"], ["status"], ["switchover", "n2"]):
        done = tool.run(*arguments, user="daemon")
        assert done.returncode == 4
        assert done.stderr.count("\n") == 1
        assert "run this as root, or as a member of group haclient" in done.stderr


@pytest.mark.namespaces("a terminal on a node")
def test_the_dialogue_asks_three_things_and_goes_back(lab, tool):
    node = lab.nodes[lab.where()]
    node.write("/root/talk.xml", lab.run("cibadmin", "--query").stdout)
    tool.ok("delete", "--cib-file", "/root/talk.xml", "--stop", "--yes", on=node.name)
    with Terminal(node, [COMMAND, "create", "--cib-file", "/root/talk.xml", "--tag", MAIL]) as terminal:
        terminal.answer("Switchback [intelligent]", "")
        terminal.answer("Nodes, preferred node first", "<")
        terminal.answer("Switchback [intelligent]", "?")
        terminal.answer("Switchback [intelligent]", "sometimes")
        terminal.answer("Switchback [intelligent]", "intell")
        terminal.answer("Nodes, preferred node first", "n2:5 n9")
        terminal.answer("Nodes, preferred node first", "n2:5 n1:50")
        terminal.answer("Apply this change? [yes]", "")
        assert terminal.end() == 0
    assert "there is no node 'n9'" in terminal.text
    assert "intelligent or automatic?" in terminal.text
    found = tool.json("properties", "--cib-file", "/root/talk.xml", on=node.name)
    assert found["priorities"] == {"n2": 5, "n1": 50}
    assert found["excluded"] == ["n3"]


@pytest.mark.namespaces("a terminal on a node")
@pytest.mark.parametrize("how", ["no", "end of input"])
def test_a_dialogue_that_is_given_up_changes_nothing(lab, tool, how):
    node = lab.nodes[lab.where()]
    node.write("/root/talk.xml", lab.run("cibadmin", "--query").stdout)
    tool.ok("delete", "--cib-file", "/root/talk.xml", "--stop", "--yes", on=node.name)
    before = node.read("/root/talk.xml")
    with Terminal(node, [COMMAND, "create", "--cib-file", "/root/talk.xml"]) as terminal:
        terminal.answer("Switchback", "")
        if how == "no":
            terminal.answer("Nodes", "")
            terminal.answer("Apply this change?", "no")
            assert terminal.end() == 2
        else:
            terminal.answer("Nodes", "\x04")
            assert terminal.end() == 2
    assert "nothing was changed" in terminal.text
    assert "Traceback" not in terminal.text
    assert node.read("/root/talk.xml") == before


def test_hierarchy_names(lab, tool):
    """The lab's own hierarchy, made by pcs and by hand, is recognised for what it is."""
    found = tool.json("properties")
    assert found["tag"] == MAIL
    assert sorted(found["needs"]) == sorted([ADDRESS, FILESYSTEM])
    assert found["switchback"] == "intelligent"
