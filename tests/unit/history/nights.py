"""Nights of real incidents: what the nodes of a laboratory logged, and what its client saw of each incident."""

import json
import os
import shutil
import time
from pathlib import Path

from postfix_ha.history.gather import NodeAccount, read_answer
from postfix_ha.history.observe import answer
from postfix_ha.history.whole import HistoryQuestion, whole

HERE = Path(__file__).parent
NODES = ("n1", "n2", "n3")
MEMBERS = ["mail", "queue-fs", "mail-ip"]
PLACES = {"pacemaker.log": "var/log/pacemaker/pacemaker.log", "mail.log": "var/log/mail.log"}


class Night:
    """The logs of a night on the disks of three nodes below a directory."""

    def __init__(self, name, top):
        self.top = Path(top)
        self.truth = json.loads((HERE / name / "truth.json").read_text())
        self.ended = max(each["ended"] for each in self.truth) + 5
        for node in NODES:
            for log in PLACES:
                source = HERE / name / f"{node}-{log}"
                if source.exists():
                    self.place(node, log).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(source, self.place(node, log))
                    os.utime(self.place(node, log), (self.ended, self.ended))

    def place(self, node, log):
        """Where a node's log lies."""
        return self.top / node / PLACES[log]

    def ask(self, request_for, silent=()):
        """What the nodes tell, but for those that are silent."""
        told = []
        for node in NODES:
            now = time.time()
            if node in silent:
                told.append(NodeAccount(node, "no answer in time"))
            else:
                told.append(read_answer(node, answer(request_for(node), now, str(self.top / node)), now, time.time()))
        return told

    def history(self, since=0.0, until=0.0, silent=(), **more):
        """The account of the night."""
        ask = lambda request_for: self.ask(request_for, silent)  # noqa: E731
        return whole(HistoryQuestion("mail", MEMBERS, "", since, until or self.ended + 60, ask, **more))
