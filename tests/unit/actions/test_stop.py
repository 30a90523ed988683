"""stop: what only helps to recognise processes may fail, the kill and the truth may not."""

import os

import pytest

from postfix_ha.actions import lookup, stop
from postfix_ha.request import Request


def test_a_fault_of_ours_in_the_look_up_does_not_skip_the_kill(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    asked = []

    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    def end_instance(identity: object, deadline: float, before_term: object) -> "tuple[list[object], list[object]]":
        asked.append(identity)
        return [], []

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(lookup, "look_up_in_time", broken)
    monkeypatch.setattr(stop, "end_instance", end_instance)
    environ = {"HA_RSCTMP": str(tmp_path), "OCF_RESKEY_config_dir": "/nonexistent/postfix", "OCF_ROOT": str(tmp_path)}
    assert stop.stop(Request(["postfix_ha", "stop"], environ)).code == 0
    assert len(asked) == 1
