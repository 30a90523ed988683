"""What the agent says: log lines and the one exit reason, through the ocf library of resource-agents.

Loaded only when there is something to say. The stock library breaks on an unwritable HA_LOGFILE and takes
``HA_debug=0`` for "on"; both are put right in the environment before it is loaded, and where it is missing altogether
the exit reason still reaches Pacemaker on standard error.
"""

import os
import sys

from postfix_ha import codes
from postfix_ha.params import Params
from postfix_ha.printable import printable
from postfix_ha.request import Request
from postfix_ha.verdict import Finding, Verdict

LEVELS = ("debug", "info", "warning", "error")
REASON_LENGTH_MAX = 800
DEBUG_SWITCH = "HA_debug"
AGENT = "postfix_ha"

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    import types


def report(request: Request, verdict: Verdict) -> None:
    """Log the notes of a verdict, then print its reason: last and once, as Pacemaker keeps the last one."""
    is_quiet = request.is_probe and verdict.code in (codes.SUCCESS, codes.NOT_RUNNING)
    for note in verdict.notes:
        if note is not verdict.reason:
            log(request, "info" if is_quiet else "warning", line_of(note))
            if request.action == "validate-all":  # pcs and crm_resource show what is there
                sys.stderr.write(f"warning: on this node {line_of(note)}\n")
    if verdict.reason is None:
        return
    from postfix_ha.messages.brief import brief

    reason = located(request, verdict.reason)
    line, kept = line_of(reason), brief(reason)
    if line != kept:
        # Pacemaker would cut it: whoever calls the agent by hand and the log have the whole of it.
        sys.stderr.write(f"{line}\n")
        log(request, "error", line)
    prefix = os.environ.get("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:")
    library = ocf_library(request)
    if library is None or line != kept:
        sys.stderr.write(f"{prefix}{kept}\n")
    else:
        library.ocf_exit_reason(kept)  # type: ignore[attr-defined]


def located(request: Request, finding: Finding) -> Finding:
    """The finding with the place of the mail log, for a remedy that names it."""
    from postfix_ha.instance import read_record
    from postfix_ha.mail_log import mail_log

    record = read_record(request.run_directory, Params(request.parameters).config_dir)
    place = mail_log(record.settings.get("maillog_file", "") if record else "")
    return Finding(finding.check, **{"mail_log": f" {place}", **finding.values})


def line_of(finding: Finding) -> str:
    """A finding as one printable line."""
    from postfix_ha.messages.statement import Statement

    return one_line(Statement(finding).reason)


def one_line(text: str) -> str:
    """The text with every run of white space as one space, what cannot be printed escaped, and not too long."""
    clean = printable(" ".join(text.split()), REASON_LENGTH_MAX)
    return clean if len(clean) <= REASON_LENGTH_MAX else clean[: REASON_LENGTH_MAX - 3] + "..."


def log(request: Request, level: str, message: str) -> None:
    """One line in the cluster's log."""
    library = ocf_library(request)
    if library is not None and level in LEVELS:
        getattr(library.logger, level)(one_line(message))  # type: ignore[attr-defined]


def log_traceback(request: Request, error: Exception) -> None:
    """Where an error of our own happened, in the log only."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in reversed(frames))
    log(request, "error", f"{type(error).__name__}: {error} at {places}")


def ocf_library(request: Request) -> "object | None":
    """The ocf module of the distribution's resource-agents, or None where there is none."""
    if "ocf" in sys.modules:
        return sys.modules["ocf"]
    directory = os.environ.get("OCF_FUNCTIONS_DIR") or os.path.join(request.ocf_root, "lib/heartbeat")
    if os.environ.get(DEBUG_SWITCH, "0") in ("", "0"):
        os.environ.pop(DEBUG_SWITCH, None)
    for name in ("HA_LOGFILE", "HA_DEBUGLOG"):
        if name in os.environ and not _is_appendable(os.environ[name]):
            del os.environ[name]
    sys.path.append(directory)
    try:
        import ocf
    except (ImportError, OSError):
        return None
    finally:
        sys.path.remove(directory)
    import logging

    # A log that cannot be written to (a full disk, a daemon that is gone) is told nobody, least of all by a traceback.
    logging.raiseExceptions = False
    if not ocf.log.handlers:  # else logging's last resort repeats every line on standard error
        ocf.log.addHandler(logging.NullHandler())
    _sign(ocf)
    return ocf  # type: ignore[no-any-return]


def _sign(ocf: "types.ModuleType") -> None:
    """Begin each line with postfix_ha(ID), as every agent's: the library writes the name of the file that called it,
    and to syslog(3) the program's name alone."""
    import syslog

    def name(record: "logging.LogRecord") -> bool:
        record.filename = AGENT
        return True

    ocf.log.addFilter(name)
    syslog.openlog(f"{AGENT}({ocf.OCF_RESOURCE_INSTANCE})", syslog.LOG_PID)


def _is_appendable(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o640))
    except OSError:
        return False
    return True
