"""What Pacemaker's daemons log, 2.1 and 3.0: in their own log, in syslog's files and in the journal.

A line counts only where its daemon's message begins as that daemon's source has it (daemons/controld, daemons/based,
lib/pengine, daemons/fenced): the words of an agent, which stand within such lines, never make an event.
"""

import re
from collections import deque

from postfix_ha.history.seen import SEEN_MAX, Seen

# Bytes that a line must hold to be looked at; each is frequent in nothing else.
NEEDLES = (
    b"Result of ", b"executing - rsc:", b" state is now ", b"Quorum lost", b"Quorum acquired", b"was terminated (",
    b"was not terminated (", b" -> S_IDLE", b" will be fenced", b"Actions: ", b"Unexpected result (",
    b" /cib/configuration/", b"Completed cib_", b"Starting Pacemaker ", b"Shutting down Pacemaker",
    b"Setting standby[", b" due to reaching migration threshold", b"away from ", b"Initiating st", b" confirmed: ",
    b"Creating shutdown request for ", b"do_shutdown of peer ",
    b'name="standby"', b'name="maintenance', b'name="target-role"',
)  # fmt: skip
# NODE daemon[pid] of the detail log (the pid may stand apart), of syslog and of the journal; then a function's name,
# and the level.
_HEAD = re.compile(
    r"(?P<node>\S+) (?P<daemon>pacemaker[a-z-]*)\s*\[\d+\]:? *(?:\((?P<where>[\w@.:]+)\))?\s*"
    r"(?:(?:crit|error|warning|notice|info|debug):\s*)?"
)
# Programs whose requests are the cluster's own.
OWN = {"crmd", "attrd", "cib", "stonith-ng", "pengine", "lrmd", "pacemaker-controld", "pacemaker-attrd"}
OWN |= {"pacemaker-based", "pacemaker-fenced", "pacemaker-schedulerd", "pacemaker-execd"}
OBJECTS_MAX = 20
# One log's lines are in order of time, but for what its writers have on their way; further back, the clock was set.
STEP_S = 2.0
DAY_S = 86400.0
_RESULT = re.compile(
    r"Result of (?P<action>[\w-]+) operation for (?P<resource>\S+) on (?P<node>\S+): (?P<rest>.*?)(?: \| .*)?$"
)
_OUTCOME = re.compile(r"(?P<outcome>[^(]*?)(?: \((?P<text>.*)\))?\s*$")
_BEGIN = re.compile(r"executing - rsc:(?P<resource>\S+) action:(?P<action>\S+)")
_BEGIN_THERE = re.compile(
    r"Initiating (?P<action>start|stop) operation (?P<resource>\S+)_\w+_0 (?:locally )?on (?P<node>\S+)"
)
_END_THERE = re.compile(
    r"Transition \d+ action \d+ \((?P<resource>\S+)_(?P<action>start|stop)_0 on (?P<node>\S+)\) confirmed: ok"
)
_STATE = re.compile(r"Node (?P<node>\S+) state is now (?P<state>lost|member)")
_LEAVING = re.compile(r"(?:Creating shutdown request for|do_shutdown of peer) (?P<node>\S+)")
_QUORUM = re.compile(r"Quorum (?P<outcome>lost|acquired)")
_CONDEMNED = re.compile(
    r"(?:Cluster|Guest|Remote|Pacemaker Remote)? ?node (?P<node>\S+) will be fenced: (?P<text>.*)", re.I
)
_FENCED = re.compile(
    r"Peer (?P<node>\S+) was (?P<not>not )?terminated \((?P<action>\w+)\) by (?P<who>\S+) "
    r"on behalf of (?P<client>\S+): (?P<outcome>[^|]*?)\s*(?:\||$)"
)
_PLANNED = re.compile(
    r"Actions: (?P<action>\w+)\s+(?P<resource>\S+)\s+\((?P<text>[^)]*)\)(?:\s+(?:due to )?(?P<who>.*))?$"
)
_UNEXPECTED = re.compile(
    r"Unexpected result \((?P<rest>.*)\) was recorded for (?P<action>[\w-]+) of (?P<resource>\S+) on (?P<node>\S+) "
    r"at (?P<when>\w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})"
)
_STANDBY = re.compile(r"Setting standby\[(?P<node>[^\]]+)\]\S*:? .*-> (?P<value>\S+)")
_BANNED = re.compile(r"(?P<resource>\S+) cannot run on (?P<node>\S+) due to reaching migration threshold")
_FORCED = re.compile(r"Forcing (?P<resource>\S+) away from (?P<node>\S+) after")
_COMPLETED = re.compile(
    r"Completed cib_(?P<action>\w+) operation for section .*: OK "
    r"\(rc=0, origin=(?P<origin>[^,)]*), version=(?P<version>[\d.]+)\)"
)
_OBJECT = re.compile(r"(?P<sign>\+\+|--|\+~|\+ ) ?\s*/cib/configuration(?P<path>/[^:]*|)(?:: ?\s*(?P<rest>.*))?$")
_PAIR = re.compile(r'name="(?P<name>[\w-]+)".*value="(?P<value>[^"]*)"')


class PacemakerReader:
    """Reads lines of one node's log in their order; ``found`` is what it has seen in them."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.found: "deque[Seen]" = deque(maxlen=SEEN_MAX)
        self._objects: "list[str]" = []
        self._latest = 0.0

    def read(self, at: float, line: str) -> None:
        """Take the rest of a line after its stamp."""
        head = _HEAD.match(line)
        if head is None:
            return
        if self._latest - at >= STEP_S and not _is_turn_of_the_hour(at):
            self.add(at, "clock", node=self.node, text=f"back {self._latest - at:.0f} s")
        self._latest = at
        message = line[head.end() :].rstrip()
        take = READERS.get(head["daemon"])
        if take is not None:
            take(self, at, message)

    def add(self, at: float, kind: str, **words: "str | None") -> None:
        """Note something seen."""
        self.found.append(Seen(at, self.node, kind, **{name: word or "" for name, word in words.items()}))

    # The daemons

    def of_launcher(self, at: float, message: str) -> None:
        """pacemakerd."""
        if message.startswith("Starting Pacemaker "):
            self.add(at, "joining", node=self.node, text=message.split(" |")[0])
        elif message.startswith("Shutting down Pacemaker"):
            self.add(at, "leaving", node=self.node)

    def of_executor(self, at: float, message: str) -> None:
        """pacemaker-execd."""
        found = _BEGIN.match(message)
        if found is not None:
            self.add(at, "begin", node=self.node, **found.groupdict())

    def of_controller(self, at: float, message: str) -> None:
        """pacemaker-controld."""
        if message.startswith("State transition ") and " -> S_IDLE" in message:
            self.add(at, "idle", node=self.node)
        for pattern, kind in _OF_CONTROLLER:
            found = pattern.match(message)
            if found is not None:
                getattr(self, f"_{kind}")(at, found)
                return

    def _result(self, at: float, found: "re.Match[str]") -> None:
        outcome = _OUTCOME.match(found["rest"])
        # 2.1 says "ok" and "not running", 3.0 "OK" and "Not running".
        word = (outcome["outcome"] if outcome else found["rest"]).strip()
        word = word[:1].lower() + word[1:] if word != "OK" else "ok"
        word = word.replace("timed Out", "timed out")  # before 2.1.6
        if word == "cancelled":
            return
        text = outcome["text"] if outcome else ""
        self.add(
            at, "end", node=found["node"], resource=found["resource"], action=found["action"], outcome=word, text=text
        )

    def _begin_there(self, at: float, found: "re.Match[str]") -> None:
        self.add(at, "begin", **found.groupdict())

    def _end_there(self, at: float, found: "re.Match[str]") -> None:
        self.add(at, "end", outcome="ok", **found.groupdict())

    def _state(self, at: float, found: "re.Match[str]") -> None:
        self.add(at, found["state"], node=found["node"])

    def _leaving(self, at: float, found: "re.Match[str]") -> None:
        self.add(at, "leaving", node=found["node"])

    def _quorum(self, at: float, found: "re.Match[str]") -> None:
        self.add(at, "quorum", node=self.node, outcome=found["outcome"])

    def _fenced(self, at: float, found: "re.Match[str]") -> None:
        outcome = "ok" if not found["not"] and found["outcome"] == "OK" else found["outcome"] or "failed"
        words = {"node": found["node"], "action": found["action"], "who": found["who"]}
        self.add(at, "fenced", outcome=outcome, text=found["client"], **words)

    def of_scheduler(self, at: float, message: str) -> None:
        """pacemaker-schedulerd."""
        found = _CONDEMNED.match(message)
        if found is not None:
            self.add(at, "condemned", node=found["node"], text=found["text"])
            return
        found = _PLANNED.match(message)
        if found is not None:
            self.add(at, "planned", node="", **found.groupdict())
            return
        found = _BANNED.match(message) or _FORCED.match(message)
        if found is not None:
            self.add(at, "banned", **found.groupdict())
            return
        self._unexpected(message)

    def _unexpected(self, message: str) -> None:
        found = _UNEXPECTED.match(message)
        when = _local_time(found["when"]) if found else None
        if found is not None and when is not None:
            outcome, _, text = found["rest"].partition(": ")
            outcome = outcome[:1].lower() + outcome[1:]
            words = {name: found[name] for name in ("action", "resource", "node")}
            # To the second, and known to more than one transition: who has the node's own log does not need it.
            self.add(when, "end", outcome=outcome, text=text, who="scheduler", **words)

    def of_attributes(self, at: float, message: str) -> None:
        """pacemaker-attrd."""
        found = _STANDBY.match(message)
        if found is not None:
            value = "on" if found["value"] in ("on", "true") else "off"
            self.add(at, "standby", node=found["node"], outcome=value)

    def of_cib(self, at: float, message: str) -> None:
        """pacemaker-based: the changed objects come first, then the request that has changed them."""
        found = _OBJECT.match(message)
        if found is not None:
            if len(self._objects) < OBJECTS_MAX:
                self._objects.append(message)
            return
        if message.startswith("++ "):  # goes on with what was added
            self._objects[-1:] = [(self._objects[-1] + " " + message[2:].strip())[:1000]] if self._objects else []
            return
        found = _COMPLETED.match(message)
        if found is None or not self._objects:
            return
        origin = found["origin"].split("/")
        if len(origin) > 1 and origin[1] not in OWN:
            words = _told(self._objects)
            node = self.node if origin[0] == "local" else origin[0]
            self.add(at, "change", node=node, who=origin[1], outcome=found["version"], **words)
        self._objects = []


def _told(objects: "list[str]") -> "dict[str, str]":
    """What a change did: its sign and the id or path of its first telling object, and its pair of name and value."""
    found = [match for match in map(_OBJECT.match, objects) if match is not None]
    telling = [each for each in found if "last-lrm-refresh" not in each[0]] or found
    first = telling[0]
    ids = re.findall(r'id="([^"]+)"' if first["sign"] == "++" else r"@id='([^']+)'", first[0])
    pair = _PAIR.search(first["rest"] or "")
    text = f"{pair['name']}={pair['value']}" if pair else (first["rest"] or "").replace("@", "")
    action = {"++": "added", "--": "removed"}.get(first["sign"], "changed")
    return {"resource": ids[0 if first["sign"] == "++" else -1] if ids else "", "action": action, "text": text}


def ran_out_of_time(outcome: str) -> bool:
    """Whether an action had this outcome since its time was over."""
    return outcome.startswith("timed out")


def _is_turn_of_the_hour(at: float) -> bool:
    """Whether summer time ends about then, when a log of local time has an hour twice."""
    import time

    return time.localtime(at - DAY_S).tm_isdst != time.localtime(at + DAY_S).tm_isdst


def _local_time(text: str) -> "float | None":
    import time

    try:
        return time.mktime(time.strptime(text, "%b %d %H:%M:%S %Y"))
    except (ValueError, OverflowError):
        return None


_OF_CONTROLLER = (
    (_RESULT, "result"),
    (_BEGIN_THERE, "begin_there"),
    (_END_THERE, "end_there"),
    (_STATE, "state"),
    (_LEAVING, "leaving"),
    (_QUORUM, "quorum"),
    (_FENCED, "fenced"),
)
READERS = {
    "pacemakerd": PacemakerReader.of_launcher,
    "pacemaker-execd": PacemakerReader.of_executor,
    "pacemaker-controld": PacemakerReader.of_controller,
    "pacemaker-schedulerd": PacemakerReader.of_scheduler,
    "pacemaker-attrd": PacemakerReader.of_attributes,
    "pacemaker-based": PacemakerReader.of_cib,
}
