"""The dialogue on a terminal: one question after the other, each with a default, and a way back."""

import os
import stat
import sys
from typing import Callable

from postfix_ha.cli.output import say, say_prompt
from postfix_ha.messages.errors import refused
from postfix_ha.messages.statement import worded

BACK = "<"


class TerminalQuestion:
    """One question: ``take`` makes something of the answer, or raises ValueError with a sentence."""

    def __init__(self, name: str, text: str, default: str, take: "Callable[[str], object]", explanation: str) -> None:
        self.name = name
        self.text = text
        self.default = default
        self.take = take
        self.explanation = explanation


def hold_dialogue(questions: "list[TerminalQuestion]") -> "dict[str, object]":
    """Name -> answer of every question; Refused where the input ends before the last."""
    answers: "dict[str, object]" = {}
    given: "dict[str, str]" = {}
    if questions:
        say(worded("answers_explained", back=BACK))
    at = 0
    while at < len(questions):
        question = questions[at]
        default = given.get(question.name, question.default)
        text = ask(f"{question.text} [{default}] ") or default
        if text == BACK:
            at = max(0, at - 1)
        elif text == "?":
            for line in question.explanation.splitlines():
                say(line)
        else:
            try:
                answers[question.name] = question.take(text)
            except ValueError as error:
                say(str(error))
                continue
            given[question.name] = text
            at += 1
    return answers


def ask(prompt: str) -> str:
    """One line from the terminal without the blanks around it; Refused at the end of the input."""
    # Not input(): after a handler has raised it looks for signals again, and another one makes a SystemError of it.
    say_prompt(prompt)
    line = sys.stdin.buffer.readline().decode("utf-8", "replace")
    if not line.endswith("\n"):
        say()
        raise refused("questions_answered")
    return line.strip()


def holds_answer() -> bool:
    """Whether standard input, which is no terminal, may hold an answer: a pipe, or a file that is not at its end."""
    try:
        about, at = os.fstat(0), 0
        if stat.S_ISREG(about.st_mode):
            at = os.lseek(0, 0, os.SEEK_CUR)
    except OSError:
        return False
    return stat.S_ISFIFO(about.st_mode) or (stat.S_ISREG(about.st_mode) and about.st_size > at)


def confirm(question: str) -> bool:
    """Whether the answer is yes; Enter is."""
    while True:
        answer = ask(f"{question} [yes] ").lower()
        if answer in ("", "y", "yes"):
            return True
        if answer in ("n", "no", BACK):
            return False
        say(worded("answer_yes_or_no"))
