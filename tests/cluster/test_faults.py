"""The short version of ci/prove: faults that no other test here has, each held against what is expected of it."""

import pytest

from ci.lib.prove.lab import Laboratory
from ci.lib.prove.run import Case, run

pytestmark = pytest.mark.namespaces("a laboratory of its own, whose faults are made from outside the nodes")
SEED = 1


@pytest.fixture(scope="module")
def laboratory(running_lab):
    """A lab of its own, with monitors at every depth; the other one is quiet meanwhile."""
    running_lab.settle()
    running_lab.client.stop()
    laboratory = Laboratory(lambda _: None)
    yield laboratory
    laboratory.discard()
    running_lab.client.start()


def made(laboratory, fault, agent="ours", **more):
    """The record of one short run."""
    record = run(laboratory, Case(fault, agent, 1, SEED, is_short=True, **more))
    assert not record["failure"], record["failure"]
    return record


@pytest.mark.parametrize(
    "fault",
    [
        "smtpd-broken",
        "address-deleted",
        "storage-read-only",
        "stop-frozen",
        "start-fails",
        "bad-config",
        "split-brain",
        "own-postfix",
    ],
)
def test_fault(laboratory, fault):
    record = made(laboratory, fault)
    assert record["wrong"] == []
    # A judgement over no mail would be none.
    assert record["acknowledged"] > record["rate_per_s"] > 0
    assert record["timeline"]["masters"]


def test_a_second_instance_does_not_notice(laboratory):
    record = made(laboratory, "master-killed", is_beside=True)
    assert record["wrong"] == []
    assert record["beside"]["acknowledged"] > 0


def test_the_laboratory_sees_what_is_not_answered(laboratory):
    record = made(laboratory, "master-frozen", "peer")
    assert record["recovered_s"] is None
    assert any("not answered" in wrong for wrong in record["wrong"])
