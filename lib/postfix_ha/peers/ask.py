"""The part of postfix-ha check that compares this node with others."""

import os
import time

from postfix_ha.checks.node_facts import Survey
from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.params import BINARY_DEFAULT
from postfix_ha.peers.compare import compare
from postfix_ha.peers.compare_ids import GID, KINDS, UID, change, numbers_of
from postfix_ha.peers.compare_services import compare_services
from postfix_ha.peers.facts import facts_of, facts_of_ids, queue_number
from postfix_ha.peers.pair import dig, texts
from postfix_ha.peers.remote import DEFAULT_SHELL, Facts, PeerQuestion, Remote
from postfix_ha.request import caller_environment
from postfix_ha.verdict import Finding

# What a remote shell needs of the caller: its keys, its tickets, and where to find itself.
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "KRB5CCNAME")
# For the login and the facts of a busy node; one that hangs is not waited for any longer.
ANSWER_S = 20.0


class Peers:
    """The questions to all peers, asked at once, so that they answer while this node is checked."""

    def __init__(
        self, nodes: "list[str]", shell: "list[str] | None", config_dir: str, binary: str, deadline: float
    ) -> None:
        self.salt = os.urandom(16).hex()
        binary = "" if binary == BINARY_DEFAULT else binary
        env = caller_environment(*PASSED_ON)
        deadline = min(deadline, time.monotonic() + ANSWER_S)
        self.questions = [
            # Named also where it is the default one: what a peer takes for its own may be another.
            PeerQuestion(
                Remote(node, shell or DEFAULT_SHELL), config_dir or DEFAULT_CONFIG_DIR, binary, self.salt, env, deadline
            )
            for node in dict.fromkeys(nodes)
        ]
        # The facts of the peers that answered; known after compare().
        self.answered: "list[Facts]" = []
        # Whether every peer sees the block device that the queue is on here; known after compare().
        self.reach_device = False

    def compare(self, survey: Survey) -> "list[Finding]":
        """All differences between this node and its peers."""
        here = facts_of(survey, self.salt)
        uuid = dig(here, "storage", "queue", "uuid")
        self.reach_device = bool(uuid)
        answers = [(question, *question.answer(), time.time()) for question in self.questions]
        self.answered = [there for _, there, _, _ in answers if there is not None]
        follow = tuple(kind for kind in KINDS if self._are_pattern(survey, here, kind))
        found: "list[Finding]" = []
        for question, there, why, at in answers:
            self.reach_device = self.reach_device and uuid in texts(dig(there, "storage", "uuids"))
            if there is None:
                values = {"peer": question.remote.node, "why": why, "command": question.command}
                found.append(Finding("peer_answers", cure=question.command, **values))
            else:
                found += compare(here, there, question.remote, question.began, at, follow)
                found += compare_services(here, there, question.remote.node, survey.resources)
        return found

    def _are_pattern(self, survey: Survey, here: Facts, kind: str) -> bool:
        """Whether this node is to take the others' number: several have one and the same, or the queue has theirs."""
        theirs, ours = numbers_of(self.answered, kind), numbers_of([here], kind)
        if len(theirs) != 1 or not ours or theirs == ours:
            return False
        return len(self.answered) > 1 or queue_number(survey, kind) == theirs.pop()

    def give_numbers(self, survey: Survey, found: "list[Finding]") -> None:
        """Let what creates Postfix's user or group here use the number that all peers have, if it is free here."""
        here = facts_of_ids(survey)
        for finding in found:
            kind = {"mail_owner_exists": UID, "setgid_group_exists": GID}.get(finding.check, "")
            numbers = numbers_of(self.answered, kind) if kind else set()
            if len(numbers) == 1:
                number = str(numbers.pop())
                name = str(finding.values["user" if kind == UID else "group"])
                finding.values["cure"] = change(here, kind, name, number, is_missing=True)
