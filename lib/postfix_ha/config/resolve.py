"""Names to addresses and ports before a deadline, whatever the resolver does."""

import _socket
import os

from postfix_ha.system.child import told_by_child

HOST = "host"
SERVICE = "service"
NO_ANSWER = "no answer from the name service in time"
NOT_FOUND = "not found"


class Resolved(tuple[list[str], str]):
    """The answer to a question: (addresses or one port, why there are none)."""

    __slots__ = ()
    is_late = False  # whether there is none only because it did not come in time

    @property
    def words(self) -> "list[str]":
        """The addresses, or the port."""
        return self[0]

    @property
    def why(self) -> str:
        """Why there are none, "" where there are."""
        return self[1]


class Unanswered(Resolved):
    """No answer in time."""

    __slots__ = ()
    is_late = True


def resolve(
    questions: "list[tuple[str, str]]", families: "tuple[int, ...]", deadline: float
) -> "dict[tuple[str, str], Resolved]":
    """Answer each (HOST or SERVICE, name) with its addresses or port, or why not.

    The questions go to the C library's resolver, as Postfix's do, but in a child process: a resolver that hangs is
    killed at the deadline and what it had answered until then counts.
    """
    answers: "dict[tuple[str, str], Resolved]" = {}
    open_questions = []
    for question in dict.fromkeys(questions):
        numeric = numeric_address(question[1]) if question[0] == HOST else None
        if numeric is None:
            open_questions.append(question)
        elif numeric[0] in families:
            answers[question] = Resolved(([numeric[1]], ""))
        else:
            answers[question] = Resolved(([], "its address family is not enabled (inet_protocols)"))
    if open_questions:
        answers.update(_resolve_in_child(open_questions, families, deadline))
    return answers


def numeric_address(text: str) -> "tuple[int, str] | None":
    """(family, canonical text) of an address in digits, else None."""
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            return family, _socket.inet_ntop(family, _socket.inet_pton(family, text))
        except (OSError, ValueError):  # ValueError: a NUL or a surrogate in the text
            continue
    return None


def look_up(question: "tuple[str, str]", families: "tuple[int, ...]") -> "tuple[list[str], str]":
    """The answer to one question, however long it takes."""
    kind, name = question
    encoded = os.fsencode(name)
    try:
        if kind == SERVICE:
            return [str(_socket.getservbyname(name, "tcp"))], ""
        family = families[0] if len(families) == 1 else _socket.AF_UNSPEC
        # The same hints as in Postfix's hostname_to_sockaddr(): no AI_ADDRCONFIG.
        found = _socket.getaddrinfo(encoded, None, family, _socket.SOCK_STREAM, 0, 0)
    except (OSError, ValueError, OverflowError) as error:
        return [], (NOT_FOUND if kind == SERVICE else str(error.args[-1]).lower() or NOT_FOUND)
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found if entry[0] in families]
    return list(dict.fromkeys(addresses)), "" if addresses else NOT_FOUND


def _resolve_in_child(
    questions: "list[tuple[str, str]]", families: "tuple[int, ...]", deadline: float
) -> "dict[tuple[str, str], Resolved]":
    """As resolve, for questions that need the name service."""
    answers: "dict[tuple[str, str], Resolved]" = {question: Unanswered(([], NO_ANSWER)) for question in questions}
    data = told_by_child(lambda writing: _answer(questions, families, writing), deadline)
    for line in data.decode("ascii", "replace").split("\n")[:-1]:
        index, _, rest = line.partition("\t")
        state, *words = rest.split("\t")
        answers[questions[int(index)]] = Resolved((words, "") if state == "ok" else ([], words[0]))
    return answers


def _answer(questions: "list[tuple[str, str]]", families: "tuple[int, ...]", writing: int) -> None:
    """Write one line for each question as soon as it is answered."""
    for index, question in enumerate(questions):
        words, wrong = look_up(question, families)
        line = "\t".join([str(index), "failed", wrong] if wrong else [str(index), "ok", *words])
        os.write(writing, line.encode("ascii", "replace").replace(b"\n", b" ") + b"\n")
