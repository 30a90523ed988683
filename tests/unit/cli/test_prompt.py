"""Questions on a real terminal: what is typed, what ends them, and what is no answer."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postfix_ha.cli.prompt import BACK
from postfix_ha.messages.statement import worded

LIBRARY = str(Path(__file__).resolve().parents[3] / "lib")
# A command as all are made, with a dialogue of two questions and the last one.
COMMAND = f"""
import argparse, sys
sys.path.insert(0, {LIBRARY!r})
from postfix_ha.cli.apply import Work
from postfix_ha.cli.cluster_command import add_change_options, add_command, manner_of
from postfix_ha.cli.main import _main
from postfix_ha.cli.prompt import TerminalQuestion, hold_dialogue
import postfix_ha.cli.main as main

class Asked(Work):
    def __init__(self, manner):
        self.manner, self.report = manner, {{}}

def work(options):
    manner = manner_of(options, only_yes="strict" in sys.argv)
    if manner.asks:
        hold_dialogue([TerminalQuestion(name, name, "1", int, "a number") for name in ("First", "Second")])
    if not Asked(manner).confirm("Third?"):
        return Asked(manner).declined()
    print("changed")
    return 0

def build(*_):
    parser = argparse.ArgumentParser()
    add_change_options(add_command(parser.add_subparsers(), "strict", work, "", "", ""))
    add_change_options(add_command(parser._subparsers._group_actions[0], "plain", work, "", "", ""))
    return parser

main.build_parser = build
sys.exit(main.main())
"""
QUESTIONS = ("First [1]", "Second [1]", "Third? [yes]")


class OnTerminal:
    """The command on a terminal of its own."""

    def __init__(self, *words):
        ours, theirs = pty.openpty()
        self.screen = ours
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.text = ""

    def wait_for(self, words):
        deadline = time.monotonic() + 60
        while words not in self.text:
            assert time.monotonic() < deadline, self.text
            self._read(1)

    def type(self, line):
        os.write(self.screen, line.encode())

    def end(self):
        while self._read(60):
            pass
        code = self.process.wait(60)
        os.close(self.screen)
        return code

    def _read(self, timeout_s):
        if not select.select([self.screen], [], [], timeout_s)[0]:
            return b""
        try:
            data = os.read(self.screen, 65536)
        except OSError:
            return b""
        self.text += data.decode("utf-8", "replace")
        return data


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGINT, signal.SIGHUP)], ids=["once", "with another"])
def test_a_signal_at_any_question_ends_it_in_one_line(at, signals):
    command = OnTerminal("strict")
    for question in QUESTIONS[:at]:
        command.wait_for(question)
        command.type("\n")
    command.wait_for(QUESTIONS[at])
    # Both at the same moment: of what a terminal's end and Ctrl-C send, none may come to the other's handler.
    os.kill(command.process.pid, signal.SIGSTOP)
    for number in signals:
        os.kill(command.process.pid, number)
    os.kill(command.process.pid, signal.SIGCONT)
    code = command.end()
    assert code in [128 + number for number in signals], command.text
    said = command.text[command.text.index(QUESTIONS[at]) :]
    assert "nothing was changed" in said
    assert "interrupted by SIG" in said
    assert not any(word in said for word in ("error", "Traceback", "changed\r\nchanged")), said


def test_no_is_not_success():
    command = OnTerminal("strict")
    for question, answer in zip(QUESTIONS, ("\n", "\n", "perhaps\n")):
        command.wait_for(question)
        command.type(answer)
    command.wait_for(worded("answer_yes_or_no"))
    command.type("no\n")
    assert command.end() == 2
    assert worded("answers_explained", back=BACK) in command.text
    assert "nothing was changed" in command.text


def test_letters_that_are_none_are_asked_again():
    command = OnTerminal("strict")
    command.wait_for(QUESTIONS[0])
    os.write(command.screen, b"\xff\xfe\n")
    command.wait_for("invalid literal")
    command.type("\x04")
    assert command.end() == 2
    assert "the input ended before the last question: nothing was changed" in command.text
    assert "Traceback" not in command.text


@pytest.mark.parametrize(
    ("words", "given", "code"),
    [
        (("strict",), b"n\n", 2),
        (("strict",), b"y\n", 2),
        (("strict",), None, 2),
        (("strict", "--json"), None, 2),
        (("strict", "--yes"), b"n\n", 0),
        (("plain",), b"n\n", 2),
        (("plain", "--yes"), b"n\n", 0),
        (("plain",), None, 0),
    ],
)
def test_what_is_no_terminal_is_no_yes(words, given, code):
    argv = [sys.executable, "-c", COMMAND, *words]
    source = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    done = subprocess.run(argv, capture_output=True, timeout=60, **source)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == code, said
    assert ("changed\n" in done.stdout.decode()) == (code == 0)
    why = "standard input and output are not a terminal, so nobody can confirm: nothing was changed"
    assert code == 0 or f"{why}; say --yes" in said
