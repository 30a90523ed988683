"""For all tests: what is started here can be interrupted, also where the tests themselves run in the background."""

import signal


def pytest_configure() -> None:
    """Take back what nohup and a shell's ``&`` do: an ignored signal stays ignored in every program that is started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
