"""Request: what the cluster asked for. The one place that reads the environment and the command line."""

import os
import time

from postfix_ha.codes import LEVEL_DIALOGUE, LEVEL_GREETING, LEVEL_STATUS

# What the agent can be asked for, in the order in which it says so; agent.py knows what does each.
ACTIONS = (
    "start",
    "stop",
    "monitor",
    "validate-all",
    "meta-data",
    "reload-agent",
    "reload",
    "usage",
    "help",
    "methods",
)
# Seconds that an action has when nobody says otherwise; the meta-data advertises the same (a contract test compares).
TIMEOUTS_S = {"start": 60, "stop": 60, "monitor": 20, "reload": 20, "reload-agent": 20, "validate-all": 20}
TIMEOUT_OTHER_S = 10
# Whatever the cluster gives: poll(2) takes no more milliseconds than an int has, which are 24 days.
TIMEOUT_MAX_S = 86400.0
# The part of an operation's time that is kept back, so that we answer before Pacemaker ends us unheard.
MARGIN_SHARE = 0.1
MARGIN_MAX_S = 5.0

PARAMETER_PREFIX = "OCF_RESKEY_"
RUN_DIRECTORY = "/run/resource-agents"
OCF_ROOT = "/usr/lib/ocf"


class Request:
    """One call of the agent.

    ``action`` is the word as given ("" for none), ``parameters`` the instance parameters as text, ``is_probe`` whether
    a monitor asks without an interval, ``level`` the check level (0, 10 or 20), ``deadline`` the time.monotonic()
    second before which the answer must be out, ``timeout_s`` the whole time of the operation, ``run_directory`` where
    snapshots live (HA_RSCTMP). Missing, empty and senseless variables of the cluster count as not given.
    """

    __slots__ = ("action", "deadline", "is_probe", "level", "ocf_root", "parameters", "run_directory", "timeout_s")

    def __init__(self, argv: "list[str]", environ: "dict[str, str]") -> None:
        self.action = argv[1] if len(argv) == 2 else ""
        self.parameters = {
            name[len(PARAMETER_PREFIX) :]: value
            for name, value in environ.items()
            if name.startswith(PARAMETER_PREFIX) and not name.startswith(PARAMETER_PREFIX + "CRM_meta_")
        }
        interval_ms = _number(environ.get(PARAMETER_PREFIX + "CRM_meta_interval", ""))
        self.is_probe = self.action == "monitor" and not interval_ms
        is_of_node = self.action == "validate-all" and not _is_validation_of_parameters(environ)
        default = LEVEL_GREETING if is_of_node else LEVEL_STATUS
        self.level = _level(_number(environ.get("OCF_CHECK_LEVEL", "")), default)
        timeout_ms = _number(environ.get(PARAMETER_PREFIX + "CRM_meta_timeout", ""))
        given_s = timeout_ms / 1000 if timeout_ms else TIMEOUTS_S.get(self.action, TIMEOUT_OTHER_S)
        self.timeout_s = min(given_s, TIMEOUT_MAX_S)
        self.deadline = time.monotonic() + self.timeout_s - self.kept_back_s
        directory = environ.get("HA_RSCTMP", "")
        self.run_directory = directory if directory.startswith("/") else RUN_DIRECTORY
        self.ocf_root = environ.get("OCF_ROOT") or OCF_ROOT

    @property
    def kept_back_s(self) -> float:
        """Seconds of the operation's time after the deadline, for what the answer itself takes."""
        return min(self.timeout_s * MARGIN_SHARE, MARGIN_MAX_S)

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline, 0.0 when it has passed."""
        return max(0.0, self.deadline - time.monotonic())


def current_request(argv: "list[str]") -> Request:
    """The request that this process was started with."""
    return Request(argv, dict(os.environ))


def caller_environment(*names: str) -> "dict[str, str]":
    """Those of the variables that the caller's environment sets to something."""
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _number(text: str) -> "int | None":
    """A plain non-negative whole number, or None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _is_validation_of_parameters(environ: "dict[str, str]") -> bool:
    """Whether crm_resource (for pcs) asks about parameters for which there is no resource yet, on whatever node.

    It gives no level then, and the resource the name "test" (cli_resource_execute_from_params).
    """
    return environ.get("OCF_RESOURCE_INSTANCE") == "test" and PARAMETER_PREFIX + "crm_feature_set" in environ


def _level(number: "int | None", default: int) -> int:
    if number is None:
        return default
    for level in (LEVEL_DIALOGUE, LEVEL_GREETING):
        if number >= level:
            return level
    return LEVEL_STATUS
