"""Interruption: a program is killed at its n-th call of another one, by a script that stands in that one's place."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.lab.cluster import Lab
from tests.support.lab.tool import COMMAND

COUNT, CHANGES, CALLS, FATAL, LAST = "count", "changes", "calls", "fatal", "last"
PROGRAMS = ("cibadmin", "crm_diff", "crm_verify", "crm_simulate", "crm_mon", "crm_resource", "crm_node")
# What changes something in the cluster; every other call only looks, so that a death at it is one at the change before.
CHANGING = ("--patch", "--refresh", "--cleanup")
LOOKING = {
    "cibadmin": ("--query",),
    "crm_diff": ("--original",),
    "crm_verify": ("--xml-file",),
    "crm_simulate": ("--xml-file",),
    "crm_mon": ("--one-shot",),
    "crm_resource": ("--show-metadata", "--constraints"),
    "crm_node": ("--name",),
}
NEVER = "never 0"
REAL, HERE = "/root/real", "/root/in"


def stand_in(real: str, directory: str) -> str:
    """A script for the place of a program: it counts calls, and ends the caller at the one that ``fatal`` names.

    ``fatal`` holds ``before N`` (the call is not made any more) or ``during N`` (it is, but the caller is dead), and
    the signal where it is not KILL; ``before-change N`` and ``during-change N`` count the calls that change something.
    """
    changing = "|".join(f'*" {word} "*' for word in CHANGING)
    return f"""#!/bin/sh
cd {directory}
n=$(( $(cat {COUNT}) + 1 ))
echo $n >{COUNT}
echo "${{0##*/}} $*" >>{CALLS}
case " $* " in
    {changing}) c=$(( $(cat {CHANGES}) + 1 )); echo $c >{CHANGES} ;;
    *) c=none ;;
esac
read when at signal <{FATAL}
case $when in *-change) n=$c ;; esac
if [ "$n" = "$at" ]; then
    echo $$ >{LAST}
    kill -${{signal:-KILL}} $PPID
    case $when in before*) exit 1 ;; esac
fi
cd "$OLDPWD"
exec {real} "$@"
"""


def prepare(fatal: str) -> "dict[str, str]":
    """The files that the scripts read before a run: name -> content."""
    return {COUNT: "0\n", CHANGES: "0\n", CALLS: "", FATAL: fatal + "\n"}


class Interrupted:
    """postfix-ha on one node of the lab, ended where it is told to be."""

    def __init__(self, lab: Lab, name: str = "n1") -> None:
        self.lab = lab
        self.node = lab.nodes[name]

    def run(self, *arguments: str, fatal: str = NEVER) -> "subprocess.CompletedProcess[str]":
        """Run it, ended at that call, and wait until what it called last has ended too."""
        for name, content in prepare(fatal).items():
            self.node.write(f"{HERE}/{name}", content)
        done = self.node.run([COMMAND, *arguments], timeout=120)
        self.lab.wait_for(self._has_ended, 20, "what was called last has ended")
        return done

    def changes(self) -> int:
        """How many calls of the last run changed something; every call is known to do so, or not to."""
        for line in self.node.read(f"{HERE}/{CALLS}").splitlines():
            name, *words = line.split()
            options = {word.partition("=")[0] for word in words}
            assert options & {*CHANGING, *LOOKING[name]}, f"does this change something? {line}"
        return int(self.node.read(f"{HERE}/{CHANGES}"))

    def _has_ended(self) -> bool:
        return not [each for each in self.node.pids() if f"{REAL}/" in each.exe or COMMAND in each.argv]


@contextmanager
def interrupted_on(lab: Lab, name: str = "n1") -> "Iterator[Interrupted]":
    """The command on a node whose cluster programs are the scripts' meanwhile."""
    node = lab.nodes[name]
    script = [f"mkdir -p {HERE} {REAL}"]
    for program in PROGRAMS:
        script.append(f"real=$(command -v {program}) && cp -n $real {REAL}/{program}")
        node.write(f"/root/in-{program}", stand_in(f"{REAL}/{program}", HERE), 0o755)
        script.append(f"mount --bind /root/in-{program} $real")
    node.run(["sh", "-ec", "\n".join(script)], check=True)
    try:
        yield Interrupted(lab, name)
    finally:
        node.run(["sh", "-c", "\n".join(f"umount $(command -v {program})" for program in PROGRAMS)], check=True)
