"""What all tests of history share."""

import time

import pytest


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """The laboratory's nodes were in this zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
