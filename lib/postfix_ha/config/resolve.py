"""Names to addresses and ports before a deadline, whatever the resolver does."""

import _socket
import os
import select
import time

HOST = "host"
SERVICE = "service"
# How every problem ends that another try may not meet.
IN_TIME = " in time"
NO_ANSWER = "no answer from the name service" + IN_TIME
NOT_FOUND = "not found"


def resolve(
    questions: "list[tuple[str, str]]", families: "tuple[int, ...]", deadline: float
) -> "dict[tuple[str, str], tuple[list[str], str]]":
    """Answer each (HOST or SERVICE, name) with (addresses or port, "") or ([], why not).

    The questions go to the C library's resolver, as Postfix's do, but in a child process: a resolver that hangs is
    killed at the deadline and what it had answered until then counts.
    """
    answers: "dict[tuple[str, str], tuple[list[str], str]]" = {}
    open_questions = []
    for question in dict.fromkeys(questions):
        numeric = numeric_address(question[1]) if question[0] == HOST else None
        if numeric is None:
            open_questions.append(question)
        elif numeric[0] in families:
            answers[question] = ([numeric[1]], "")
        else:
            answers[question] = ([], "its address family is not enabled (inet_protocols)")
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
) -> "dict[tuple[str, str], tuple[list[str], str]]":
    """As resolve, for questions that need the name service."""
    answers: "dict[tuple[str, str], tuple[list[str], str]]" = {question: ([], NO_ANSWER) for question in questions}
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer_and_exit(questions, families, writing)
    os.close(writing)
    try:
        data = _read_until(reading, deadline)
    finally:
        os.close(reading)
        os.kill(child, 9)
        _reap(child)
    for line in data.decode("ascii", "replace").split("\n")[:-1]:
        index, _, rest = line.partition("\t")
        state, *words = rest.split("\t")
        answers[questions[int(index)]] = (words, "") if state == "ok" else ([], words[0])
    return answers


def _answer_and_exit(questions: "list[tuple[str, str]]", families: "tuple[int, ...]", writing: int) -> None:
    """The child: write one line for each question as soon as it is answered, and end without any clean-up."""
    try:
        for index, question in enumerate(questions):
            words, wrong = look_up(question, families)
            line = "\t".join([str(index), "failed", wrong] if wrong else [str(index), "ok", *words])
            os.write(writing, line.encode("ascii", "replace").replace(b"\n", b" ") + b"\n")
    finally:
        os._exit(0)


def _read_until(descriptor: int, deadline: float) -> bytes:
    """What can be read until the end of the stream or the deadline."""
    data = b""
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
            return data
        part = os.read(descriptor, 65536)
        if not part:
            return data
        data += part


def _reap(child: int) -> None:
    """Take the killed child's exit state, but do not wait for one that hangs in the kernel."""
    until = time.monotonic() + 1
    while os.waitpid(child, os.WNOHANG)[0] == 0 and time.monotonic() < until:
        time.sleep(0.002)
