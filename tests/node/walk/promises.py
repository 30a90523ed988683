"""The agent's actions in a walk, and what is promised of each answer: held against the facts before and after it.

Where the facts change while an action runs, or leave open what is right, nothing is asserted.
"""

from typing import Optional

from tests.node.judged import DEGRADED, FAILED, NOT_RUNNING, SNAPSHOT, SUCCESS
from tests.node.walk import steps_place as _steps_place  # noqa: F401 - adds its steps to the table
from tests.node.walk.steps import STEPS, Condition, add, always
from tests.node.walk.traces import files, left_in_queue
from tests.node.walk.world import DELIVERERS, Facts, World
from tests.support.machine.process import NodeProcess
from tests.support.machine.waiting import wait_for
from tests.support.mail.node import Answer

ACTIONS = ("start", "stop", "probe", "monitor 0", "monitor 10", "monitor 20", "validate-all", "reload", "reload-agent")
# Without these nothing tells where the queue is.
LOST = {"main.cf empty", "main.cf gone", "main.cf queue", "configuration gone"}
UNREADABLE = {"main.cf line", "main.cf gone", "master.cf line", "master.cf gone", "configuration gone"}
ENDS_SOON_S = 1.5
START_S, OTHERS_S = 40.0, 20.0


class Broken(AssertionError):
    """A promise that was broken."""


def promise(is_kept: bool, words: str) -> None:
    """Raise Broken unless it was kept."""
    if not is_kept:
        raise Broken(words)


class Judged:
    """One answer with the facts around it."""

    def __init__(self, world: World, word: str) -> None:
        self.world = world
        self.word = word
        self.action, _, level = word.partition(" ")
        self.before = world.facts()
        self.could_greet = self.could_take = False
        # A client of ours must not change what a probe or a first look finds.
        if self.action in ("start", "reload") or level in ("10", "20"):
            self.could_greet = world.greets()
            self.could_take = self.could_greet and (level == "20" or self.action != "monitor") and world.takes()
            self.before = world.facts()
        self.pids = world.all_pids()
        self.files = files(world)
        self.left = left_in_queue(world)
        self.answer = self._ask(int(level or 0))
        self.after = world.facts()

    def _ask(self, level: int) -> Answer:
        node, params = self.world.node, self.world.scene.params
        timeout_s = START_S if self.action == "start" else OTHERS_S
        self.world.is_stirred = True
        if self.action == "probe":
            return node.agent("monitor", interval_s=0, params=params, timeout_s=timeout_s)
        if self.action == "monitor":
            return node.agent("monitor", level=level, params=params, timeout_s=timeout_s)
        return node.agent(self.action, interval_s=0, params=params, timeout_s=timeout_s)

    @property
    def is_steady(self) -> bool:
        """Whether the same master and the same frozen processes were there before and after."""
        return _key(self.before) == _key(self.after)

    @property
    def is_sound(self) -> bool:
        """Whether level 0 has nothing to say: a living, unfrozen master that listens, with its address and queue."""
        master = self.before.master
        away = {"address", "read-only"} & set(self.world.broken)
        return master is not None and master.state != "T" and self.before.listens and not away

    @property
    def is_whole(self) -> bool:
        """Whether nothing stands against the service, and none of its processes is frozen."""
        return not self.world.broken and not self.before.frozen

    @property
    def is_adrift(self) -> bool:
        """Whether a living instance works in a queue that no path leads to: level 20 says so, and a start ends it."""
        return bool({"mount", "cover"} & set(self.world.broken))

    def delivers_before(self) -> bool:
        """Whether what takes mail on its way lived before."""
        return set(DELIVERERS) <= self.before.names

    @property
    def delivers(self) -> bool:
        """Whether what takes mail on its way lives."""
        return set(DELIVERERS) <= self.before.names & self.after.names and not set(DELIVERERS) & self.before.frozen


def _key(facts: Facts) -> "tuple[bool, Optional[int], list[str]]":
    return facts.lives, facts.master.pid if facts.master else None, sorted(facts.frozen)


def act(world: World, word: str) -> None:
    """Run an action and hold its answer against the world."""
    judged = Judged(world, word)
    world.answers.append((word, judged.answer.code))
    try:
        RULES[judged.action](judged)
        _leaves_nothing(judged)
    except Broken as broken:
        raise Broken(f"{broken}\n{_told(judged)}") from None


def _told(judged: Judged) -> str:
    answer = judged.answer
    broken = ", ".join(judged.world.broken) or "nothing"
    facts = f"before: {judged.before}\nafter: {judged.after}\nbroken: {broken}; {judged.world.client_count} clients"
    greeted = f"greeted before: {judged.could_greet}, taken before: {judged.could_take}"
    return f"{judged.word}: {answer.code} in {answer.seconds:.1f} s: {answer.stderr.strip()}\n{facts}\n{greeted}"


# What each action promises


def _stop(judged: Judged) -> None:
    answer, world = judged.answer, judged.world
    promise(not judged.after.lives, f"after a stop that answers {answer.code} something lives")
    promise(answer.code == SUCCESS, "nothing lives, and stop does not say so")
    promise(not world.node.exists(SNAPSHOT), "stop leaves its snapshot")
    if world.is_mounted() and not world.holders:
        at = world.node.queue.at
        done = world.node.run(["umount", at])
        users = world.node.run(["fuser", "-vm", at]).stderr if done.returncode else ""
        promise(done.returncode == 0, f"after stop the queue cannot be unmounted: {done.stderr}{users}")
        mode = "ro" if "read-only" in world.broken else "rw"
        world.node.run(["mount", "-o", mode, world.node.queue.device, at], check=True)


def _start(judged: Judged) -> None:
    answer, world, before, after = judged.answer, judged.world, judged.before, judged.after
    if answer.code == SUCCESS:
        promise(after.master is not None, "start answers 0, and there is no master")
        promise(world.is_busy or world.greets(), "start answers 0, and no client is greeted")
    else:
        promise(not after.lives, f"start answers {answer.code}, and something lives")
        promise(not world.node.exists(SNAPSHOT), f"start answers {answer.code}, and a snapshot is left")
        if world.is_mounted() and "read-only" not in world.broken:
            left = left_in_queue(world) - (judged.left if LOST & set(world.broken) else set())
            promise(not left, f"start answers {answer.code}, and leaves {left}")
        promise(not judged.is_whole, "nothing stands against a start, and it fails")
    # Nothing about the files of a service that greets, takes mail and delivers it is worth ending it.
    is_well = judged.is_sound and judged.could_take and judged.delivers_before() and not before.frozen
    if is_well and not judged.is_adrift:
        same = after.master is not None and before.master is not None and after.master.pid == before.master.pid
        promise(same, "start ends a service that takes mail and delivers it")


def _level_0(judged: Judged) -> "Optional[int]":
    """The code that level 0 owes, if that is plain."""
    if not judged.is_steady:
        return None
    if not judged.before.lives:
        return NOT_RUNNING
    if judged.is_sound:
        return SUCCESS
    # A master that listens nowhere is what its configuration may want by now.
    return FAILED if judged.before.listens or judged.before.master is None or not judged.world.broken else None


def _probe(judged: Judged) -> None:
    owed = _level_0(judged)
    promise(owed in (None, judged.answer.code), f"a probe answers {judged.answer.code} instead of {owed}")
    _changes_nothing(judged)


def _monitor(judged: Judged) -> None:
    code, world = judged.answer.code, judged.world
    _changes_nothing(judged)
    owed = _level_0(judged)
    if owed is None:
        return
    if owed != SUCCESS:
        promise(code == owed, f"{judged.word} answers {code} instead of {owed}")
        return
    if judged.word == "monitor 0":
        promise(code == SUCCESS, f"level 0 answers {code} about a master that lives and listens")
        return
    _deeper(judged, code, world)


def _deeper(judged: Judged, code: int, world: World) -> None:
    is_dialogue = judged.word == "monitor 20"
    works = world.takes if is_dialogue else world.greets
    could = judged.could_take if is_dialogue else judged.could_greet
    if world.is_busy:
        promise(code in (SUCCESS, DEGRADED), f"{judged.word} answers {code} about a service that is busy")
        return
    if code == SUCCESS:
        what = "no mail is taken" if is_dialogue else "nobody greets"
        promise(could or works(), f"{judged.word} answers 0, and {what}")
        lame = set(DELIVERERS) & judged.before.frozen if is_dialogue else set()
        promise(not lame, f"{judged.word} answers 0, and {lame} are frozen")
    elif code == FAILED and could and ((judged.delivers and not judged.is_adrift) or not is_dialogue):
        promise(not works(), f"{judged.word} fails a service that works")
    if judged.is_whole and could and (judged.delivers or not is_dialogue):
        promise(code == SUCCESS, f"nothing stands against the service, and {judged.word} answers {code}")


def _validate(judged: Judged) -> None:
    _changes_nothing(judged)
    code, broken = judged.answer.code, judged.world.broken
    promise(code != NOT_RUNNING, "validate-all says that nothing runs")
    promise(bool(broken) or code == SUCCESS, f"nothing stands against the service, and validate-all answers {code}")
    unreadable = UNREADABLE & set(broken)
    promise(not unreadable or code != SUCCESS, f"{unreadable}, and validate-all says that all is well")


def _reload_agent(judged: Judged) -> None:
    _changes_nothing(judged)
    promise(judged.answer.code == SUCCESS, "no parameter is wrong, and reload-agent fails")


def _reload(judged: Judged) -> None:
    code, before, after, world = judged.answer.code, judged.before, judged.after, judged.world
    if before.master is None:
        promise(before.lives != after.lives or code != SUCCESS, "reload answers 0 without a master")
        return
    is_same = after.master is not None and after.master.pid == before.master.pid
    if world.broken and code == SUCCESS and is_same:
        # What a master cannot use it meets a moment later.
        is_same = not _ends_soon(world, before.master)
    promise(is_same or code != SUCCESS, "reload answers 0, and the master is gone")
    if judged.is_sound and judged.is_whole and judged.could_greet:
        promise(code == SUCCESS and is_same, "nothing stands against the service, and reload fails")
        promise(world.is_busy or world.greets(), "reload answers 0, and no client is greeted")
    elif judged.is_sound and judged.could_take:
        promise(is_same, "reload ends a service that took mail")


def _ends_soon(world: World, master: NodeProcess) -> bool:
    try:
        return bool(wait_for(lambda: master.pid not in world.all_pids(), ENDS_SOON_S, "the master ends"))
    except TimeoutError:
        return False


RULES = {
    "start": _start,
    "stop": _stop,
    "probe": _probe,
    "monitor": _monitor,
    "validate-all": _validate,
    "reload": _reload,
    "reload-agent": _reload_agent,
}


# What every action promises


def _changes_nothing(judged: Judged) -> None:
    before, after = judged.before.master, judged.after.master
    promise(before is None or (after is not None and after.pid == before.pid), f"{judged.word} ends the master")
    promise(before is not None or after is None, f"{judged.word} starts a master")


def _leaves_nothing(judged: Judged) -> None:
    world = judged.world
    ours = {process.pid for process in world.node.daemons()}

    def strangers() -> "list[str]":
        now = world.all_pids()
        new = [now[pid] for pid in now if pid not in judged.pids and pid not in ours]
        return [f"{each.name}[{each.pid}] {' '.join(each.argv)}" for each in new if "/sbin/" not in each.exe]

    try:
        wait_for(lambda: not strangers(), 3, "nobody is left")
    except TimeoutError:
        raise Broken(f"{judged.word} leaves processes: {strangers()}") from None
    left = files(world) - judged.files
    promise(not left, f"{judged.word} leaves {sorted(left)}")


def keeps(world: World) -> None:
    """What holds after each step, whatever it was: nobody else is touched."""
    spared = {process.pid for process in world.scene.spared}
    gone = spared - set(world.all_pids())
    promise(not gone, f"others were ended: {[each for each in world.scene.spared if each.pid in gone]}")


def _add_actions() -> None:
    for word in ACTIONS:
        add(word, lambda world, word=word: act(world, word), ALWAYS)  # type: ignore[misc]


ALWAYS: Condition = always
_add_actions()
DISTURBANCES = tuple(word for word in STEPS if word not in ACTIONS)
