"""What Postfix's programs say when they fail: the line that tells most, without the values that it repeats."""

from postfix_ha.printable import printable
from postfix_ha.system.command import Completed

# The ends of postfix-script's lines that only sum up what was said before.
SUMMARIES = (
    "Postfix integrity check failed!",
    "mail system startup failed",
    "daemon initialization failure -- see logs for details",
    "unable to create missing queue directories",
)

# What Postfix complains of with a value, or a part of one, in double quotes after it (mac_parse, mac_expand,
# split_nameval, extpar, dict_open in its source).
REPEATING = (
    "macro", "attribute name", "attribute expression", "expected at", "unexpected input", "operator suffix",
    "syntax error", "start of text", "missing '", "form instead of", "compatibility level",
)  # fmt: skip

# A table's library that is not loaded (dymap.c, load_lib.c).
NOT_LOADED = ("unsupported dictionary type", "load_library_symbols")
SHOWN_MAX = 200


def telling_line(done: Completed) -> str:
    """The line of a Postfix command's standard error that says most about why it failed, "" for none.

    Where there is only the sum of what went wrong: the last line of its output, where what it calls may write.
    """
    said = last_telling(done.stderr.decode("utf-8", "replace"))
    return last_telling(done.stdout.decode("utf-8", "replace")) or said if said.endswith(SUMMARIES) else said


def last_telling(text: str) -> str:
    """The last complaint in the text, else its last line; for people to read, never to decide by."""
    lines = [line.strip() for line in reversed(text.splitlines()) if line.strip()]
    telling = (line for line in lines if not line.endswith(SUMMARIES))
    return last_complaint(text) or without_values(next(telling, lines[0] if lines else ""))


def last_complaint(text: str) -> str:
    """The last line that is a complaint and not only the sum of others, the gravest first; "" for none."""
    lines = [line.strip() for line in text.splitlines()]
    for word in ("panic: ", "fatal: ", "error: ", "warning: "):
        for line in reversed(lines):
            if word in line and not line.endswith(SUMMARIES):
                return _from_program(line)
    return ""


def without_values(line: str) -> str:
    """A complaint of Postfix without the value that it repeats, which may be a secret; name, file and line stay."""
    if any(phrase in line for phrase in REPEATING):
        before, quote, _ = line.partition('"')
        return before.rstrip(" :") if quote else line
    before, configuration, setting = line.partition(" configuration: ")
    name, equals, _ = setting.partition(" = ")
    return f"{before}{configuration}{name}" if equals else line


def _from_program(line: str) -> str:
    """The line without a log file's time stamp and host, and without values: from the program's name on."""
    line = without_values(line)
    at = line.find("postfix")
    return line[at:] if at > 0 and "]: " in line else line


def complaint_of_library(said: str) -> str:
    """Why postmap did not load a table's library, as it says itself; "" where it did, whatever it says of the table."""
    lines = [line for line in said.splitlines() if any(words in line for words in NOT_LOADED)]
    return printable(lines[0].partition(": ")[2].partition(": ")[2], SHOWN_MAX) if lines else ""
