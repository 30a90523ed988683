"""How the cost of each action grows: with endpoints, processes, queued messages, connections and instances."""

import contextlib
import statistics
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.machine.node import PYTHON
from tests.support.mail.node import ADDRESS, MAIN_CF, QUEUE, MailNode

LOAD = str(Path(__file__).with_name("load.py"))
FIRST_PORT = 3000
# A million inodes come with this size (one for every 16 KiB); it is memory only as far as it is written.
DISK_MB = 17_000


@contextlib.contextmanager
def loaded(node: MailNode, *words: str) -> Iterator[None]:
    """The node under a load of load.py; it is gone afterwards."""
    load = node.popen([PYTHON, "-IS", LOAD, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if load.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the load {' '.join(words)} did not come up")
        yield
    finally:
        load.stdin.close()
        load.wait(120)
        load.stdout.close()


@contextlib.contextmanager
def with_endpoints(node: MailNode, count: int) -> Iterator[None]:
    """Further smtpd services in master.cf, until the service address has this many endpoints."""
    before = node.read("/etc/postfix/master.cf")
    rows = [f"{ADDRESS}:{FIRST_PORT + number} inet n - y - - smtpd\n" for number in range(1, count)]
    node.write("/etc/postfix/master.cf", before + "".join(rows))
    yield
    node.write("/etc/postfix/master.cf", before)


@contextlib.contextmanager
def with_processes(node: MailNode, count: int) -> Iterator[None]:
    """Processes that have nothing to do with Postfix."""
    with loaded(node, "processes", str(count)):
        yield


@contextlib.contextmanager
def with_imitators(node: MailNode, count: int) -> Iterator[None]:
    """Processes of a user that imitate ours: a program called master, with our configuration in their environment."""
    with loaded(node, "imitators", str(count)):
        yield


@contextlib.contextmanager
def with_connections(node: MailNode, count: int) -> Iterator[None]:
    """Established connections between others."""
    with loaded(node, "connections", str(count)):
        yield


@contextlib.contextmanager
def with_messages(node: MailNode, count: int) -> Iterator[None]:
    """Files in the hold queue, which the queue manager leaves alone while we measure; they stay."""
    with loaded(node, "messages", str(count), f"{QUEUE}/hold"):
        yield


@contextlib.contextmanager
def with_instances(node: MailNode, count: int) -> Iterator[None]:
    """Other running instances beside the measured one, until there are so many in all."""
    numbers = range(1, count)
    for number in numbers:
        start_instance(node, number)
    yield
    for number in numbers:
        node.run(["/usr/sbin/postfix", "-c", f"/etc/postfix-{number}", "stop"], check=True)


def start_instance(node: MailNode, number: int) -> None:
    """Start one more Postfix, with everything of its own, on a port of loopback."""
    etc, queue, data = f"/etc/postfix-{number}", f"/mnt/queue/postfix-{number}", f"/var/lib/postfix-{number}"
    main_cf = MAIN_CF.replace(f"queue_directory = {QUEUE}", f"queue_directory = {queue}\ndata_directory = {data}")
    main_cf = main_cf.replace(f"inet_interfaces = {ADDRESS}, localhost", "inet_interfaces = localhost")
    master_cf = node.read("/etc/postfix/master.cf").replace("\nsmtp      inet", f"\n{FIRST_PORT + number} inet")
    node.write(f"{etc}/main.cf", main_cf)
    node.write(f"{etc}/master.cf", master_cf)
    node.age(f"{etc}/main.cf")
    node.run(["sh", "-ec", f"mkdir -p {queue}; install -d -o postfix {data}"], check=True)
    node.run(["/usr/sbin/postfix", "-c", etc, "start"], check=True)


@dataclass(frozen=True)
class Axis:
    """One thing that grows, the numbers of it that are measured, whether the monitor may grow with it, and by what.

    Imitators are to hold up nobody: what counts is the time on the clock (wall_s).
    """

    name: str
    sizes: "tuple[int, ...]"
    load: "Callable[[MailNode, int], contextlib.AbstractContextManager[None]]"
    may_grow: bool = False
    figure: str = "cpu_s"


AXES = (
    Axis("endpoints", (1, 10, 100), with_endpoints, may_grow=True),
    Axis("connections", (0, 2_000, 20_000), with_connections, may_grow=True),
    Axis("instances", (1, 8, 64), with_instances),
    Axis("processes", (100, 1_000, 10_000), with_processes),
    Axis("imitators", (0, 300, 3_000), with_imitators, figure="wall_s"),
    Axis("messages", (0, 10_000, 1_000_000), with_messages),
)
# The largest may cost so many times the smallest, for what must not grow: (action, axis).
GROWTH_BOUND = 1.5
MUST_NOT_GROW = {("monitor", axis.name) for axis in AXES if not axis.may_grow} | {
    ("stop", "messages"),
    ("stop", "imitators"),
    ("probe of a stopped one", "imitators"),
}


def table(medians: "dict[str, dict[str, dict[int, float]]]") -> "tuple[str, bool]":
    """axis -> action -> size -> seconds as text in milliseconds, and whether what must not grow did not."""
    lines, all_kept = [], True
    for axis in AXES:
        if axis.name not in medians:
            continue
        lines += [
            "",
            f"{axis.name + (', wall' if axis.figure == 'wall_s' else ''):24}"
            + "".join(f"{size:>11,}" for size in axis.sizes)
            + f"{'growth':>9}   each more",
        ]
        for action, by_size in medians[axis.name].items():
            least, most = by_size[axis.sizes[0]], by_size[axis.sizes[-1]]
            kept = (action, axis.name) not in MUST_NOT_GROW or most <= GROWTH_BOUND * least
            all_kept = all_kept and kept
            slope_us = (most - least) / (axis.sizes[-1] - axis.sizes[0]) * 1e6
            numbers = "".join(f"{by_size[size] * 1000:11.1f}" for size in axis.sizes)
            bound = f"  (bound {GROWTH_BOUND})" if (action, axis.name) in MUST_NOT_GROW else ""
            lines.append(
                f"  {action:22}{numbers}{most / least:9.2f}{slope_us:9.2f} us{bound}" + ("" if kept else "  OVER")
            )
    return "\n".join(lines), all_kept


def growth(
    measured: "Callable[[MailNode], dict[str, dict[str, list[float]]]]", say: "Callable[[str], None]", *names: str
) -> "dict[str, dict[str, dict[int, float]]]":
    """Medians of seconds (each axis says which): axis -> action -> size.

    ``measured`` gives the figures of a node, stopped before it.
    """
    medians: "dict[str, dict[str, dict[int, float]]]" = {}
    for axis in AXES:
        if names and axis.name not in names:
            continue
        by_action: "dict[str, dict[int, float]]" = {}
        # A node of its own each: what is left of one load must not weigh on the next.
        with MailNode(disk_mb=DISK_MB) as node:
            for size in axis.sizes:
                say(f"{size:,} {axis.name}")
                with axis.load(node, size):
                    for action, kept in measured(node).items():
                        by_action.setdefault(action, {})[size] = statistics.median(kept[axis.figure])
        medians[axis.name] = by_action
    return medians


def draw(medians: "dict[str, dict[str, dict[int, float]]]", path: str) -> None:
    """One panel per axis, CPU milliseconds over the number of things, both on logarithmic scales."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(medians), figsize=(4 * len(medians), 4), sharey=True, squeeze=False)
    for panel, (axis, by_action) in zip(panels[0], medians.items()):
        for action, by_size in by_action.items():
            panel.plot(list(by_size), [cpu_s * 1000 for cpu_s in by_size.values()], marker="o", label=action)
        panel.set(title=axis, xscale="symlog", yscale="log", xlabel="number on the node")
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("CPU time, ms (median)")
    panels[0][0].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
