"""Every message of the agent, provoked on a real node, and cured by the remedy that it names.

The functional model (LifeKeeper Postfix Recovery Kit) numbers its messages; each has one row of the catalogue.
"""

import pytest

from postfix_ha.messages.catalogue import CATALOGUE, ROWS
from tests.node import messages_place, messages_running, messages_setup
from tests.node.judged import (
    FAILED,
    SUCCESS,
    JudgedNode,
)
from tests.node.messages import CASES, Case, message_pattern
from tests.support.machine.node import CHECKOUT
from tests.support.mail.node import ADDRESS

MODEL_MESSAGES = 21
# Importing them has filled the table.
PROVOCATIONS = (messages_place, messages_setup, messages_running)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.provoke.__name__}")
def test_message_is_given_and_its_remedy_cures(case: Case) -> None:
    with JudgedNode(disk_mb=case.disk_mb) as node:
        provocation = case.provoke(node)
        logged = len(node.cluster_log().splitlines())
        answer = next(provocation)
        assert answer.code == case.code, answer
        said = answer.reason if not case.is_logged else logged_message(node, logged, case.check)
        assert message_pattern(CATALOGUE[case.check]).fullmatch(said), (answer, node.cluster_log())
        assert [word for word in case.words if word not in said] == [], said
        of_commands = ("refusal", "planning", "failure", "outcome", "option")
        agents = [row for row in ROWS if row.check != case.check and row.scope not in of_commands]
        others = [row.check for row in agents if message_pattern(row).fullmatch(said)]
        assert others == []
        next(provocation, None)  # the remedy
        assert node.agent("start").code == SUCCESS
        logged = len(node.cluster_log().splitlines())
        for level in (0, 10, 20):
            assert node.monitor(level).code == SUCCESS
        assert logged_message(node, logged, case.check) == "", "the message is given no more"


def logged_message(node: JudgedNode, since: int, check: str) -> str:
    """The message of this check in the cluster's log, "" for none."""
    pattern = message_pattern(CATALOGUE[check])
    messages = [line.partition("WARNING: ")[2] for line in node.cluster_log().splitlines()[since:]]
    return next((message for message in messages if pattern.fullmatch(message)), "")


@pytest.mark.parametrize("module", ["messages/catalogue.py", "report.py"])
def test_a_damaged_library_gives_one_line_and_no_false_stop(module: str) -> None:
    """What only puts answers into words is broken; stop must still end everything, and a failure is one line."""
    library = "/usr/share/postfix-ha/lib/postfix_ha"
    agent = "/usr/lib/ocf/resource.d/mail/postfix_ha_copy"
    with JudgedNode() as node:
        node.do("mkdir", "-p", library)
        node.do("cp", "-a", f"{CHECKOUT}/lib/postfix_ha/.", library)
        node.do("cp", f"{CHECKOUT}/agents/postfix_ha", agent)
        node.started()
        node.write(f"{library}/{module}", "this is no Python\n")
        assert node.monitor(agent=agent).code == SUCCESS
        node.do("ip", "address", "del", f"{ADDRESS}/24", "dev", "eth0")
        answer = node.monitor(agent=agent)
        assert answer.code == FAILED
        assert "SyntaxError" in answer.reason
        assert node.agent("stop", agent=agent).code == SUCCESS
        assert node.daemons() == []
        node.unmounts()


# The table.


def test_each_row_is_provoked_with_its_own_code() -> None:
    wanted = {row.check: row.code for row in ROWS if row.scope in ("parameter", "node", "health", "operation")}
    assert {case.check: case.code for case in CASES} == wanted
    assert {(case.check, case.code) for case in CASES} == set(wanted.items())


def test_each_message_of_the_model_has_one_row() -> None:
    assert sorted(row.model for row in ROWS if row.model) == list(range(1, MODEL_MESSAGES + 1))
    assert len({row.check for row in ROWS}) == len(ROWS)
