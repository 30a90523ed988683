"""What senders see of a planned move, of one in which something is killed, and of a power cut, all under load.

MOVES and CUTS in the environment are the numbers of moves by each of the two ways (3), and of power cuts (5).
"""

import collections
import os
import signal
import subprocess
import time

import pytest

from tests.support.lab import config as lab_config
from tests.support.lab.network import SERVICE_ADDRESS, address
from tests.support.lab.resources import MAIL
from tests.support.lab.senders import HOP_PORT, Senders
from tests.support.machine.node import PYTHON
from tests.support.machine.waiting import wait_for

pytestmark = [pytest.mark.namespaces("senders beside the lab's client"), pytest.mark.timeout(1800)]

SENDERS = 12
MOVES = int(os.environ.get("MOVES", "3"))
CUTS = int(os.environ.get("CUTS", "5"))
# Longer than a move, and shorter than the drain: every move meets some of them.
SLOW_S, DOT_S = 1.5, 1.0
DRAIN_S, BEYOND_DRAIN_S = 5, 2.6
SPOOL, DONE = "/mnt/queue/spool", "/mnt/queue/done"
RECIPIENTS = ["box@example.com", "slow@slow.example.com", "hop@hop.example.com", "nobody@mbox.example.com"]
# One message, by whoever has not sent before; its argument is what it is called.
SEND = f"""
import smtplib, sys
with smtplib.SMTP("{SERVICE_ADDRESS}", 25, timeout=60) as smtp:
    smtp.sendmail("a@example.com", ["nobody@mbox.example.com"], "X-Probe: " + sys.argv[1] + "\\n\\nx\\n")
"""
NEXT_MESSAGE_S = 10
# A reader has the mailbox locked, so that local(8) holds its own lock and waits with it.
READ = f"import fcntl, time; f = open('{SPOOL}/nobody', 'r+'); fcntl.lockf(f, 2); time.sleep(60)"
REMOVED = f"removed stale mailbox locks of an earlier Postfix: {SPOOL}/nobody.lock"
# A message that does not come to its end.
SIT = f"""
import smtplib, time
smtp = smtplib.SMTP("{SERVICE_ADDRESS}", 25, timeout=60)
smtp.ehlo(), smtp.mail("a@example.com"), smtp.rcpt("box@example.com"), smtp.docmd("DATA")
print("sits", flush=True)
while True:
    smtp.send("x\\r\\n")
    time.sleep(0.5)
"""
# What a new connection meets: the first word of a greeting, or the error's name.
KNOCK = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])) as sock:
        print(sock.makefile().readline()[:3])
except OSError as error:
    print(type(error).__name__)
"""
ANOTHER_PORT = 26
DRAINING = ["nft", "list", "set", "inet", "postfix_ha", "draining4"]
HELD_MAX_S = 15
SETTINGS = {
    "mydestination": "mbox.example.com",
    "local_recipient_maps": "",
    "mail_spool_directory": SPOOL,
    "mailbox_delivery_lock": "fcntl, dotlock",
    "relay_domains": "slow.example.com, hop.example.com",
    "transport_maps": f"inline:{{ {{slow.example.com=slow:}} {{hop.example.com=hop:[198.51.100.200]:{HOP_PORT}}} }}",
    "slow_destination_recipient_limit": "1",
    "mailbox_size_limit": "0",
}
SERVICES = "slow unix - n n - 16 pipe flags=R user=nobody argv=/usr/local/bin/slow\nhop unix - - n - 16 smtp\n"
SLOW = f"""\
#!/bin/sh
number=$(sed -n 's/^X-Number: //p')
sleep {SLOW_S}
echo "$number" >>{DONE}
"""


def delivered(lab, senders):
    """How often each message of the senders has arrived anywhere."""
    node = lab.nodes[lab.where()]
    told = [node.read(DONE), *(f"{event['n']}" for event in senders.of("hop"))]
    boxes = node.run(["sh", "-c", f"cat {SPOOL}/nobody {lab_config.MAILBOX}/new/*"]).stdout
    return senders.copies(boxes) + collections.Counter(int(word) for text in told for word in text.split())


@pytest.fixture
def senders(lab, monkeypatch):
    """Senders to a mailbox, to a slow command, to a slow next hop and to a mailbox with dot locks."""
    write_all = lab_config.write_all
    # A node that is fenced, whenever that is, boots with these settings too.
    monkeypatch.setattr(lab_config, "write_all", lambda node: (write_all(node), furnish(node)))
    before = {name: furnish(node) for name, node in lab.nodes.items()}
    holder = lab.nodes[lab.where()]
    holder.run(["sh", "-c", f"install -d -m 1777 {SPOOL} && : >{DONE} && chmod 666 {DONE}"], check=True)
    restart(lab)
    # A kernel before 6.5 repeats a SYN after 1, 2, 4 and 8 s; later ones do so each second at first.
    linear = "/proc/sys/net/ipv4/tcp_syn_linear_timeouts"
    lab.client_node.run(["sh", "-c", f"[ ! -e {linear} ] || echo 0 >{linear}"], check=True)
    senders = Senders(lab, RECIPIENTS, SENDERS, DOT_S)
    yield senders
    senders.close()
    lab.settle()
    for name, node in lab.nodes.items():
        node.write("/etc/postfix/main.cf", before[name][0])
        node.write("/etc/postfix/master.cf", before[name][1])
    lab.nodes[lab.where()].run(["rm", "-rf", SPOOL, DONE])
    restart(lab)


def furnish(node):
    """Give a node the settings of the proof; its main.cf and master.cf before."""
    before = node.read("/etc/postfix/main.cf"), node.read("/etc/postfix/master.cf")
    node.write("/etc/postfix/main.cf", before[0].replace("mydestination =\n", "") + settings())
    node.write("/etc/postfix/master.cf", before[1] + SERVICES)
    node.write("/usr/local/bin/slow", SLOW, 0o755)
    return before


def settings():
    return "".join(f"{name} = {value}\n" for name, value in SETTINGS.items())


def restart(lab):
    """With other settings; the nodes that stand by learn of them by a probe."""
    lab.crm_resource("--resource", MAIL, "--restart")
    lab.settle()
    lab.crm_resource("--refresh", "--resource", MAIL)
    lab.settle()


def switchover(lab, node):
    """As an administrator does, by our command."""
    done = lab.on().run(["postfix-ha", "switchover", node, "--yes", "--resource", MAIL], timeout=120)
    assert done.returncode == 0, done.stderr


def pcs_move(lab, node):
    """As an administrator does, by pcs."""
    lab.pcs("resource", "move", MAIL, node)
    lab.wait_for(lambda: lab.where() == node and lab.is_idle(), 60, f"the service has moved to {node}")


def longest_away(lab):
    """The most seconds from the end of a stop to the end of the start that follows."""
    ends = [each for each in lab.operations() if each.code == 0 and each.action in ("start", "stop")]
    pairs = zip(ends, ends[1:])
    return max(later.at - each.at for each, later in pairs if (each.action, later.action) == ("stop", "start"))


def test_no_sender_notices_a_planned_move(lab, tool, senders):
    begin = time.monotonic()
    for move in (pcs_move, switchover) * MOVES:
        since = time.monotonic()
        move(lab, lab.another_node())
        lab.settle()
        seen = senders.seen(since, time.monotonic())
        print(f"{move.__name__}:", ", ".join(f"{value:.4g} {name}" for name, value in seen.items()))
        # Senders go on for a while, until the next one.
        time.sleep(2)
    senders.rest_now()
    seen = senders.seen(begin, time.monotonic())
    away_s = longest_away(lab)
    print(f"longest wait: {seen['longest_wait_s']:.2f} s; longest move after its stop: {away_s:.2f} s")
    assert [event for event in senders.of("failed") if event["at"] > begin] == []
    taken = {event["n"] for event in senders.of("taken")}
    lab.nodes[lab.where()].run(["postqueue", "-f"], check=True)
    lab.wait_for(lambda: taken <= set(delivered(lab, senders)), 120, "all messages have arrived")
    often = {number: count for number, count in delivered(lab, senders).items() if count != 1}
    assert often == {}, "delivered twice"
    assert seen["longest_wait_s"] < DRAIN_S + BEYOND_DRAIN_S
    assert lab.nodes[lab.where()].run(["sh", "-c", f"ls -d {SPOOL}/*.lock"]).stdout == ""
    assert not [name for name in lab.nodes if "cut off" in lab.nodes[name].read("/var/log/pacemaker/pacemaker.log")]


def removals(lab):
    """How often a start has told that it removed the mailbox's stale lock."""
    return sum((node.kept_logs + node.logs()).count(REMOVED) for node in lab.nodes.values())


def test_after_a_power_cut_the_next_message_reaches_the_mailbox_soon(lab, tool, senders):
    for number in range(CUTS):
        victim, before = lab.nodes[lab.where()], removals(lab)
        lock = victim.path(f"{SPOOL}/nobody.lock")
        wait_for(lambda node=victim: node.exists(f"{SPOOL}/nobody"), 30, "there is a mailbox")
        reader = victim.popen([PYTHON, "-c", READ])
        lab.wait_for(lambda lock=lock: held_for(lock, 1), 30, "a delivery holds the mailbox's lock")
        victim.run(["sync", "-f", SPOOL], check=True)
        lab.power_off(victim.name)
        reader.wait()
        cut = time.monotonic()
        lab.wait_for(lambda since=cut: any(each["at"] > since for each in senders.of("taken")), 60, "mail is taken")
        back = min(each["at"] + each["took"] for each in senders.of("taken") if each["at"] > cut)
        lab.client_node.run([PYTHON, "-c", SEND, str(number)], check=True, timeout=90)
        box = lab.nodes[lab.where()].path(f"{SPOOL}/nobody")
        wait_for(lambda box=box, number=number: f"X-Probe: {number}\n" in read(box), 60, "the message has arrived")
        took_s = time.monotonic() - back
        print(f"power cut of {victim.name}: mail is taken {back - cut:.1f} s later, the next arrived in {took_s:.1f} s")
        assert took_s < NEXT_MESSAGE_S
        assert removals(lab) == before + 1, "the lock was not left, or it was not removed"
        lab.settle()


def held_for(path, seconds):
    """Whether the file is there now, and has been for so long."""
    try:
        return time.time() - os.stat(path).st_mtime > seconds
    except FileNotFoundError:
        return False


def knock(lab, where, port, timeout_s):
    """What a new connection of the client meets."""
    argv = [PYTHON, "-c", KNOCK, where, str(port), str(timeout_s)]
    return lab.client_node.run(argv, check=True, timeout=timeout_s + 20).stdout.strip()


def agents(node, action):
    """The processes of our agent with this action."""
    return [each for each in node.pids() if each.argv[-1:] == (action,) and "postfix_ha" in " ".join(each.argv)]


def kill_agent(lab, node, action, command):
    """End the operation that is under way."""
    for each in agents(node, action):
        node.signal(each, signal.SIGKILL)


def kill_command(lab, node, action, command):
    """End the administrator's command."""
    os.killpg(command.pid, signal.SIGKILL)


def kill_node(lab, node, action, command):
    """Pull the power cord of the node on which an operation is under way."""
    lab.power_off(node.name)


@pytest.mark.parametrize("action", ["stop", "start"])
@pytest.mark.parametrize("kill", [kill_agent, kill_command, kill_node])
def test_whatever_is_killed_in_a_move_nobody_is_held_for_long(lab, tool, senders, kill, action):
    holder, target = lab.nodes[lab.where()], lab.nodes[lab.another_node()]
    witness = next(node for node in lab.nodes.values() if node not in (holder, target))
    sitter = lab.client_node.popen([PYTHON, "-c", SIT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert sitter.stdout.readline() == b"sits\n"
    command = witness.popen(["postfix-ha", "switchover", target.name, "--yes", "--resource", MAIL])
    if action == "stop":
        node = holder
        wait_for(lambda: "elements" in node.run(DRAINING).stdout, 60, "new connections are held", every=0.01)
    else:
        node = target
        wait_for(lambda: agents(node, "start"), 60, "the service starts", every=0.01)
    lives = {each: each.pid for each in lab.nodes.values()}
    kill(lab, node, action, command)
    killed = time.monotonic()
    # A node that has booted since it was asked last has another hardware address.
    lab.client_node.run(["ip", "neighbour", "flush", "all"], check=True)
    seen = {each: knock(lab, address("client", each.number), ANOTHER_PORT, 3) for each in lives}
    seen = {each.name: said for each, said in seen.items() if each.is_on and each.pid == lives[each]}
    for process in (sitter, command):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    sitter.stdout.close()
    assert set(seen.values()) == {"ConnectionRefusedError"}, f"another port was closed: {seen}"
    lab.wait_for(lambda: lab.masters() and lab.where() and lab.is_idle(), 90, "the service runs")
    # Nobody's first SYN is dropped any more.
    left_s = max(1.0, killed + HELD_MAX_S - time.monotonic())
    lab.wait_for(lambda: knock(lab, SERVICE_ADDRESS, 25, 0.9) == "220", left_s, "no connection is held")
    assert knock(lab, SERVICE_ADDRESS, ANOTHER_PORT, 3) == "ConnectionRefusedError"
    print(f"{kill.__name__} at {action}: new connections are served {time.monotonic() - killed:.1f} s later")
    lab.settle()


def read(path):
    with open(path, errors="replace") as file:
        return file.read()
