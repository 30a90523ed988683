"""What processes do over a time: wait, compute without end, are frozen, or are others at each look."""

import os
import time

from postfix_ha.instance import Instance
from postfix_ha.procfs import process_stat, read_bytes
from postfix_ha.system.processes import Census, Member
from postfix_ha.whole_number import whole_number

# A process that starts computes for a few hundredths of a second, and longer on a node with too much to do: it computes
# without end when it was ready to run nearly all the time, or at each of so many looks, and really ran for so long. A
# limit on the processors' time (cgroup) keeps it from running, and does not count as waiting for them.
READY_SHARE = 0.7
RUNNING_LOOKS = 4
COMPUTED_S = 0.25
WATCHED_S = 1.0

Key = tuple[int, int]
Service = tuple[str, str]


class Use:
    """The processor time of a process at a moment: seconds that it ran, and that it ran or waited for a processor."""

    __slots__ = ("at_s", "ran_s", "ready_s")

    def __init__(self, at_s: float, ran_s: float, ready_s: float) -> None:
        self.at_s = at_s
        self.ran_s = ran_s
        self.ready_s = ready_s


class Watch:
    """The processes of master.cf's services, from the first look on; each look is at a new census of them."""

    __slots__ = ("began_s", "first", "people", "running", "seen", "serving")

    def __init__(self, people: Census) -> None:
        self.began_s = time.monotonic()
        self.first: "dict[Key, Use]" = {}
        self.seen: "dict[Service, set[Key]]" = {}
        # At how many looks in a row a process was running.
        self.running: "dict[Key, int]" = {}
        self.people = people
        self.serving: "dict[Service, list[Member]]" = {}
        self.look(people)

    def look(self, people: Census) -> None:
        """Note who serves what now, and what those have used whom no look has met before."""
        self.people = people
        self.serving = {}
        for member in people.members:
            service = service_of(member)
            self.serving.setdefault(service, []).append(member)
            self.seen.setdefault(service, set()).add(_key(member))
            if _key(member) not in self.first:
                self.first[_key(member)] = self._base(member)
            self.running[_key(member)] = self.running.get(_key(member), 0) + 1 if self.is_running(member) else 0

    def _base(self, member: Member) -> Use:
        """What a process had used when it came into view; one that is younger than the watch, at its birth."""
        now_s = time.monotonic()
        born_s = now_s - age_s(member)
        return Use(born_s, 0.0, 0.0) if born_s >= self.began_s else used(member.pid)

    def servers(self, service: str, kind: str) -> "list[Member]":
        """The processes of a service at the last look."""
        return self.serving.get((service, kind), [])

    def ended(self, service: str, kind: str) -> int:
        """How many processes of a service have ended since the first look."""
        return len(self.seen.get((service, kind), set()) - {_key(member) for member in self.servers(service, kind)})

    def is_computing(self, member: Member) -> bool:
        """Whether a process has done nothing but compute for as long as it was watched."""
        first, now = self.first[_key(member)], used(member.pid)
        elapsed_s = now.at_s - first.at_s
        is_ready = now.ready_s - first.ready_s >= READY_SHARE * elapsed_s
        is_ready = is_ready or self.running.get(_key(member), 0) >= RUNNING_LOOKS
        return elapsed_s >= WATCHED_S and is_ready and now.ran_s - first.ran_s >= COMPUTED_S

    def is_running(self, member: Member) -> bool:
        """Whether a process computes at this moment: whether it goes on is to be seen."""
        now = process_stat(member.pid)
        return now is not None and now.start == member.start and now.state == "R"


def is_stopped(member: Member) -> bool:
    """Whether a process is frozen now."""
    now = process_stat(member.pid)
    return now is not None and now.start == member.start and now.is_stopped


def service_of(member: Member) -> Service:
    """(name, type) of the master.cf service that a process serves: master tells each by ``-n name`` (left out where it
    is the program's own name) and ``-t type``."""
    words = [os.fsdecode(word) for word in (read_bytes(f"/proc/{member.pid}/cmdline") or b"").split(b"\0")]
    options = dict(zip(words, words[1:]))
    return options.get("-n", member.name), options.get("-t", "")


def process_limit(instance: Instance, service: str) -> int:
    """How many processes master starts for a service; 0 for no limit."""
    text = instance.settings.get(f"maxproc {service}", "-")
    if text == "-":
        text = instance.settings.get("default_process_limit", "") or "100"
    return whole_number(text) or 0


def age_s(member: Member) -> float:
    """Seconds since a process was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - member.start / os.sysconf("SC_CLK_TCK")


def used(pid: int) -> Use:
    """What a process has used of the processors; without the kernel's own account (CONFIG_SCHED_INFO) in ticks."""
    now_s = time.monotonic()
    words = (read_bytes(f"/proc/{pid}/schedstat") or b"").split()
    if len(words) >= 2 and words[0] != b"0":
        ran_s, waited_s = int(words[0]) / 1e9, int(words[1]) / 1e9
        return Use(now_s, ran_s, ran_s + waited_s)
    fields = (read_bytes(f"/proc/{pid}/stat") or b"").rpartition(b")")[2].split()
    ran_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if len(fields) > 12 else 0.0
    return Use(now_s, ran_s, ran_s)


def _key(member: Member) -> Key:
    return (member.pid, member.start)
