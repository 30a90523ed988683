"""What a child tells before the deadline counts, and no child outlives the call."""

import os
import time

import psutil
import pytest

from postfix_ha.system.child import told_by_child


def soon(seconds=30.0):
    return time.monotonic() + seconds


def children():
    return psutil.Process().children()


def test_all_that_is_written_comes_back():
    text = b"line\n" * 50_000
    assert told_by_child(lambda writing: write_all(writing, text), soon()) == text
    assert children() == []


def write_all(descriptor, text):
    while text:
        text = text[os.write(descriptor, text) :]


def test_a_child_that_hangs_is_ended_and_what_it_said_before_counts():
    def say_and_hang(writing):
        os.write(writing, b"first")
        time.sleep(600)

    began = time.monotonic()
    assert told_by_child(say_and_hang, soon(0.3)) == b"first"
    assert time.monotonic() - began < 10
    assert children() == []


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_an_exception_in_the_child_ends_only_the_child(error, capfd):
    def fail(writing):
        os.write(writing, b"before")
        raise error

    assert told_by_child(fail, soon()) == b"before"
    assert children() == []
    assert capfd.readouterr().err == ""


def test_a_deadline_that_has_passed_gives_nothing_and_leaves_nothing():
    assert told_by_child(lambda writing: time.sleep(600), soon(-1)) == b""
    assert children() == []


def test_a_child_that_leaves_a_child_with_the_pipe_does_not_hold_us_past_the_deadline():
    def leave_one(writing):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        os.write(writing, b"said")

    began = time.monotonic()
    assert told_by_child(leave_one, soon(0.3)) == b"said"
    assert time.monotonic() - began < 4
