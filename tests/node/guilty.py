"""Processes that stop must end: each function makes some and gives them."""

import contextlib
import os
import subprocess

from tests.node.innocents import USER, Makes, on_a_terminal
from tests.node.judged import CONFIG, MASTER, SNAPSHOT, JudgedNode
from tests.support.machine.process import NodeProcess

STUCK = "/usr/local/bin/stuck"
# It reads its message, ignores whatever asks it to end, and has a child.
STUCK_SCRIPT = "#!/bin/sh\ntrap '' TERM HUP INT\ncat > /dev/null\nsleep 2001 &\n: > /tmp/stuck\nsleep 2002\ntrue\n"


def send(node: JudgedNode, recipient: str) -> None:
    """Submit a message."""
    node.run(["sendmail", "-f", "a@example.com", recipient], input="Subject: x\n\nx\n", check=True)


def stuck(node: JudgedNode) -> "list[NodeProcess]":
    """The processes of a delivery command."""
    return node.named("stuck") + [p for p in node.named("sleep") if p.argv[1] in ("2001", "2002")]


def deliver(node: JudgedNode, recipient: str, more_main_cf: str) -> "list[NodeProcess]":
    """Start, and have a message delivered to a command that does not end."""
    node.write(STUCK, STUCK_SCRIPT, 0o755)
    node.append(MASTER, f"stuck unix - n n - - pipe flags=R user=nobody argv={STUCK}\n")
    node.configure(more_main_cf)
    node.started()
    send(node, recipient)
    return node.wait(lambda: stuck(node) if len(stuck(node)) == 3 else [], "it is delivered")  # type: ignore[return-value]


TO_PIPE = "transport_maps = inline:{{ stuck.example.com = stuck: }}"
TO_LOCAL = f'alias_maps = inline:{{{{ command = "|{STUCK}" }}}}\nallow_mail_to_commands = alias,forward'


def pipe_delivery(node: JudgedNode, _: contextlib.ExitStack) -> "list[NodeProcess]":
    """A command of pipe(8)."""
    return deliver(node, "u@stuck.example.com", TO_PIPE)


def pipe_delivery_orphaned(node: JudgedNode, _: contextlib.ExitStack) -> "list[NodeProcess]":
    """A command whose pipe(8) and whose master were killed."""
    found = deliver(node, "u@stuck.example.com", TO_PIPE)
    node.end(node.daemon("pipe"), node.master())
    return found


def pipe_delivery_orphaned_unrecorded(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """As before, and no other process and no snapshot is left to tell of the instance."""
    found = pipe_delivery_orphaned(node, stack)
    node.end(*node.daemons())
    node.do("rm", SNAPSHOT)
    return found


def alias_delivery(node: JudgedNode, _: contextlib.ExitStack) -> "list[NodeProcess]":
    """A command of local(8), from the alias database."""
    return deliver(node, "command@localhost", TO_LOCAL)


def alias_delivery_orphaned(node: JudgedNode, _: contextlib.ExitStack) -> "list[NodeProcess]":
    """A command whose local(8) and whose master were killed."""
    found = deliver(node, "command@localhost", TO_LOCAL)
    node.end(node.daemon("local"), node.master())
    return found


def forward_delivery(node: JudgedNode, _: contextlib.ExitStack) -> "list[NodeProcess]":
    """A command of local(8), from a user's .forward."""
    node.do("mkdir", "-p", "/srv/home")
    node.append("/etc/passwd", "someone:x:4343:65534::/srv/home:/bin/sh\n")
    node.write("/srv/home/.forward", f'"|{STUCK}"\n')
    node.do("chown", "-R", "4343", "/srv/home")
    return deliver(node, "someone@localhost", "local_recipient_maps =")


def hold(node: JudgedNode, stack: contextlib.ExitStack, argv: "list[str]", name: str) -> "list[NodeProcess]":
    """Start a command that waits for its standard input."""
    node.begin(stack, argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return node.wait(lambda: node.named(name), f"{name} waits")  # type: ignore[return-value]


def submission(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """A user's sendmail, which stands in the queue directory; the shell that called it is his own affair."""
    node.started()
    shell = [*USER, "sh", "-c", "sendmail -f a@example.com root; echo ended > /tmp/ended; exec sleep 1001"]
    hold(node, stack, shell, "sendmail")
    return [*node.named("sendmail"), *node.named("postdrop")]


def postdrop(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """postdrop alone, whose sendmail was killed or which a program calls by itself."""
    node.started()
    return hold(node, stack, [*USER, "postdrop", "-r"], "postdrop")


def postqueue(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """postqueue -p, whose output nobody reads."""
    node.started()
    for number in range(40):
        send(node, f"user{number}-{'x' * 200}@[198.51.100.99]")
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, bytes(4096)):
            pass
    os.set_blocking(writing, True)
    node.begin(stack, ["postqueue", "-p"], stdout=writing)
    os.close(writing)
    stack.callback(os.close, reading)
    return node.wait(lambda: node.named("postqueue"), "postqueue waits")  # type: ignore[return-value]


def hung_start(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """A ``postfix start`` that has come as far as its check of the queue, which hangs; master would come after it."""
    hang_postsuper(node)
    node.begin(stack, ["postfix", "start"])
    return node.wait(lambda: start_in_progress(node), "postfix start hangs")  # type: ignore[return-value]


def hung_start_on_a_terminal(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """As before, by an administrator at a terminal, whose own shell is to be spared."""
    hang_postsuper(node)
    on_a_terminal(node, stack, "cd /; postfix start; : > /tmp/ended; sleep 1001", ["postsuper"])
    return node.wait(lambda: start_in_progress(node), "postfix start hangs")  # type: ignore[return-value]


def hung_start_before_the_queue(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """A ``postfix start`` that has not come to the queue yet: the name service holds up the command itself."""
    node.configure("inet_interfaces = slow.example.com")
    node.blackhole("198.51.100.53")
    node.write("/etc/resolv.conf", "nameserver 198.51.100.53\noptions timeout:30 attempts:1\n")
    node.begin(stack, ["postfix", "-c", CONFIG, "start"])
    return node.wait(lambda: node.named("postfix"), "postfix waits for the resolver")  # type: ignore[return-value]


def hang_postsuper(node: JudgedNode) -> None:
    node.do("mv", "/usr/sbin/postsuper", "/usr/sbin/postsuper.away")
    node.write("/usr/sbin/postsuper", "#!/bin/sh\nsleep 1001\ntrue\n", 0o755)


def start_in_progress(node: JudgedNode) -> "list[NodeProcess]":
    """The scripts of a hung start, all below the first of them."""
    found = [p for p in node.pids() if p.state != "Z" and any("postfix-script" in word for word in p.argv)]
    return found + node.named("postsuper") if node.named("postsuper") else []


GUILTY: "list[Makes]" = [
    pipe_delivery,
    pipe_delivery_orphaned,
    pipe_delivery_orphaned_unrecorded,
    alias_delivery,
    alias_delivery_orphaned,
    forward_delivery,
    submission,
    postdrop,
    postqueue,
    hung_start,
    hung_start_on_a_terminal,
    hung_start_before_the_queue,
]
