"""Log files that anybody may have written into: never an exception, in time, bounded, and nothing that could steer."""

import gzip
import json
import os
import time
from typing import Any

from hypothesis import strategies as st

from postfix_ha.history import maillog
from postfix_ha.history.account import table
from postfix_ha.history.gather import read_answer
from postfix_ha.history.journal import steps_in
from postfix_ha.history.log_files import Bounds
from postfix_ha.history.observe import LogRequest, answer
from postfix_ha.history.seen import KINDS
from postfix_ha.history.svg import draw
from postfix_ha.history.whole import HistoryQuestion, whole
from tests.property.fuzz.config_files import directory
from tests.property.fuzz.target import Broken, Target, must_be_clean
from tests.property.fuzz.texts import NASTY, encoded, pick

NOW = 1795957000.0
PATH = "var/log/pacemaker/pacemaker.log"
STAMPS = (
    "Nov 29 12:56:40", "Nov 29 12:56:41.250", "Nov 29 12:56:39", "Feb 30 99:99:99", "Nov 29 2026 12:56:42",
    "2026-11-29T12:56:40.1+14:00", "9999-12-31T23:59:59Z", "0000-00-00T00:00:00", "1795957000.500000",
    "99999999999.000000", "Dec 31 23:59:60", "Xyz 00 00:00:00", "Nov 29 12:56:40.9999999999999", "\u0661\u0662", "",
)  # fmt: skip
HEADS = (
    " n1 pacemaker-controld  [46] (log_executor_event) \tnotice: ", " n2 pacemaker-controld[46]:  notice: ",
    " n1 pacemaker-schedulerd[45] (log) \twarning: ", " n1 pacemaker-based     [30] (cib_perform_op) \tinfo: ",
    " n1 pacemaker-execd     [43] (log) \tinfo: ", " n1 pacemakerd [1] (main) \tnotice: ", " n1 pacemaker-attrd[9]: ",
    " n1 corosync[23]:   [QUORUM] ", " [23] n1 corosync notice  [TOTEM ] ", " mail postfix/smtpd[3]: ",
    " mail postfix/cleanup[3]: ABCDEF12: ", " mail postfix/smtp[3]: ABCDEF12: ", " x", "",
)  # fmt: skip
WORDS = (
    "Result of monitor operation for mail on n1: error (", "Result of start operation for mail on n2: ok | ",
    "Result of stop operation for queue-fs on n1: Timed out after 20s (x)", "Node n2 state is now lost | ",
    "Node n2 state is now member", "Quorum lost", "Peer n2 was terminated (reboot) by n1 on behalf of x: OK | e",
    "Cluster node n2 will be fenced: peer",
    "State transition S_X -> S_IDLE", "executing - rsc:mail action:start call_id",
    "Actions: Move mail ( n1 -> n2 ) due to ",
    "++ /cib/configuration/constraints:  <rsc_location id=\"cli-prefer-mail\"/>",
    "Completed cib_modify operation for section x: OK (rc=0, origin=n2/crm_resource/5, version=0.8.0)",
    "Unexpected result (error: x) was recorded for monitor of mail on n2 at Nov 29 12:56:41 2026 | ",
    "Setting standby[n2]: (unset) -> on", "mail cannot run on n1 due to reaching migration threshold",
    "This node is within the non-primary component and will NOT", "Process pause detected for 9 ms",
    "connect from x[203.0.113.7]", "message-id=<x>", "to=<a@b>, relay=v, status=sent (ok)", "removed",
    "Name service error for name=x type=MX: Host not found, try again", "System clock was stepped by 4e99 seconds",
    "(" * 400, ")" * 400, "\0" * 5000, "x" * 9000, "A" * 70000,
)  # fmt: skip
PART = pick(
    (4, st.sampled_from(WORDS).map(str.encode)),
    (1, st.sampled_from(NASTY).map(encoded)),
    (1, st.binary(max_size=60)),
)
LINE = st.builds(
    lambda stamp, head, parts, end: stamp.encode() + head.encode() + b"".join(parts) + end,
    st.sampled_from(STAMPS),
    st.sampled_from(HEADS),
    st.lists(
        pick(
            (4, st.sampled_from(WORDS).map(str.encode)),
            (1, st.sampled_from(NASTY).map(encoded)),
            (1, st.binary(max_size=60)),
        ),
        max_size=4,
    ),
    st.sampled_from((b"\n", b"\n", b"\n", b"\n", b"", b"\r\n", b"\n\n")),
)
LOG = st.lists(LINE, max_size=40).map(b"".join)
CUT = st.builds(lambda data, at: gzip.compress(data)[: at or None], LOG, st.sampled_from((0, 0, -3, 20, 5)))
NAMES = ("clock", "seen", "spans", "served", "mails", "missing", "begins", "at", "kind", "node", "dns", "ABCDEF")
LEAF = pick(
    (3, st.none() | st.booleans() | st.integers() | st.floats()),
    (2, st.sampled_from((*KINDS, "n1", "ok", "x\x1b"))),
)
ANSWERS = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=40,
)


def check_log(data: bytes) -> None:
    """A node's log with this in it, and the account that is made of it."""
    top = directory() / "log"
    path = top / PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = data[:2] == b"\x1f\x8b"
    for name in ("pacemaker.log", "pacemaker.log.1.gz"):
        if (path.parent / name).exists():
            (path.parent / name).unlink()
    file = path.with_name("pacemaker.log.1.gz") if packed else path
    path.write_bytes(b"Nov 29 12:56:40 n1 x\n")
    file.write_bytes(data)
    os.utime(file, (NOW, NOW))
    asked = LogRequest("n1", 0.0, 2.0**33, "/nonexistent")
    found = answer(asked, NOW, str(top))
    told = read_answer("n1", json.loads(json.dumps(found)), NOW, NOW)
    show(whole(HistoryQuestion("mail", ["mail", "queue-fs"], "", 0.0, 2.0**33, lambda _: [told])))
    span = maillog.Span(0.0, NOW, 2.0**33)
    maillog.read_spans([str(path)], [span], "postfix", (), Bounds(time.monotonic() + 60))
    json.dumps(span.as_object())
    for seen in steps_in("n1", data):
        must_be_clean(seen.text, "a step of the clock", lines=False)


def check_answer(found: Any) -> None:
    """What another node answers."""
    told = read_answer("n2", found, NOW, NOW)
    show(whole(HistoryQuestion("mail", ["mail"], "", 0.0, NOW, lambda _: [told])))


def show(account: "dict[str, Any]") -> None:
    """The account in each form."""
    for line in table(account):
        must_be_clean(line, "a line of the account", lines=False)
        if len(line) > 4000:
            raise Broken("a line without end", line[:100])
    must_be_clean(draw(account), "the picture")
    json.dumps(account)


TARGETS = [
    Target("history_log", pick((4, LOG), (1, CUT)), check_log, cpu_s=3.0),
    Target("history_answer", ANSWERS, check_answer, is_json=True),
]
