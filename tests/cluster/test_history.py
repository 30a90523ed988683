"""postfix-ha history after a short night in a laboratory tells what the laboratory did and its client saw."""

import pytest

from ci.lib.night.judge import judge
from ci.lib.night.night import INCIDENTS, Night
from ci.lib.prove.lab import Laboratory
from tests.support.lab.tool import Tool

pytestmark = pytest.mark.namespaces("a laboratory of its own, whose faults are made from outside the nodes")
SEED = 18
# Another laboratory runs beside this one on two processors; ci/night, alone, holds the account to one second.
WITHIN_S = 3.0


def test_a_short_night(running_lab):
    running_lab.settle()
    running_lab.client.stop()
    laboratory = Laboratory(lambda _: None)
    try:
        night = Night(laboratory, SEED, lambda _: None)
        with laboratory.mail():
            for name in ("move", "master-killed", "link-cut"):
                night.incident(INCIDENTS[name])
            tool = Tool(night.lab)
            try:
                found = tool.json("history", "--since", night.since, *tool.rsh)
                assert judge(night.truth, found, WITHIN_S) == []
                # A power cut may cost what was not on the disk yet; a log that anybody can write decides nothing.
                forger = "monitor of mail failed on n1"
                tool.lab.nodes["n1"].append("/var/log/mail.log", f"Nov 29 00:00:00 mail postfix/smtpd[1]: {forger}\n")
                again = tool.json("history", "--since", night.since, *tool.rsh)
                assert judge(night.truth, again, WITHIN_S) == []
                alone = tool.ok("history", "--since", night.since, "--this-node", "--last", "1")
                assert "n2 did not tell its logs: it was not asked" in alone
                assert tool.refused("history", "--since", "noon").startswith("postfix-ha: 'noon' is not a time: say ")
                refused = tool.refused("history", "--since", "1h", "--until", "2h")
                assert "--until is before --since" in refused
                status = tool.run("status", "--cluster-only").stdout
                assert "last incident: " in status
                assert "'postfix-ha history' tells of it" in status
            finally:
                tool.close()
    finally:
        laboratory.discard()
        running_lab.client.start()
