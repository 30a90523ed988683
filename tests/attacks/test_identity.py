"""Whose process is it? What users choose for themselves convinces nobody: names, places, environment, locks."""

from tests.attacks.attacker import Attacker
from tests.node.judged import CONFIG, NOT_RUNNING, JudgedNode
from tests.support.mailnode import QUEUE


def test_a_sleep_called_master_with_our_configuration(node: JudgedNode, nobody: Attacker) -> None:
    program = nobody.copy("/bin/sleep", nobody.home + "/usr/lib/postfix/sbin/master")
    nobody.stand([program, "1000"], cwd=QUEUE, env={"MAIL_CONFIG": CONFIG})
    assert node.probe().code == NOT_RUNNING
