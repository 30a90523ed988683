"""A signal ends a command between two steps, and what became of the work is said by who knows it."""

import os
import signal

import pytest

from postfix_ha.cli.signals import SIGNALS, Interrupted, listening, one_step, when_interrupted
from postfix_ha.messages.statement import stated

AFTER, HALF = stated("resource_deleted", tag="mail"), stated("command_finishes", command="delete --stop")


def told(number):
    """Send ourselves the signal."""
    os.kill(os.getpid(), number)


def ended(work):
    """How work ended that was interrupted."""
    with pytest.raises(Interrupted) as caught:
        work()
    return caught.value.number, caught.value.told, caught.value.changed


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_at_once_outside_of_a_step(number):
    def work():
        with listening():
            told(number)

    before = signal.getsignal(number)
    assert ended(work) == (number, None, False)
    assert signal.getsignal(number) is before


def test_inside_of_a_step_it_waits_for_the_end_of_the_outermost():
    done = []

    def work():
        with listening(), when_interrupted(AFTER, changed=True):
            with one_step():
                with one_step():
                    told(signal.SIGTERM)
                    done.append("inner")
                done.append("outer")
            done.append("never")

    assert ended(work) == (signal.SIGTERM, AFTER, True)
    assert done == ["inner", "outer"]


def test_the_second_one_does_not_wait_and_the_innermost_knows_best():
    done = []

    def work():
        with listening(), when_interrupted(AFTER, changed=True), one_step(), when_interrupted(HALF, changed=False):
            told(signal.SIGTERM)
            done.append("first")
            told(signal.SIGINT)
            done.append("never")

    assert ended(work) == (signal.SIGINT, HALF, False)
    assert done == ["first"]


def test_an_error_of_the_step_itself_is_what_is_told():
    def work():
        with listening(), one_step():
            told(signal.SIGTERM)
            raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        work()


def test_under_nohup_a_hangup_is_none():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with listening():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
