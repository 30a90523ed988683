"""What the real ``postconf`` says of a file, and where our reader says something else."""

import functools
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

from postfix_ha.config.expand import ExpandError
from postfix_ha.config.logical_lines import BLANKS, split_words
from postfix_ha.config.main_cf import READ_ONLY_PARAMETERS, MainCf, parse_main_cf
from postfix_ha.config.master_cf import parse_master_cf

POSTCONF = "/usr/sbin/postconf"  # messages begin with this, as it was called
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}

CRASHED = "macro processing error: postconf crashed"


class Said:
    """The answer of one postconf: its output, its warnings, its fatal error or "", and its process number."""

    def __init__(self, output: str, errors: str, pid: int) -> None:
        self.pid = pid
        lines = [line.removeprefix(f"{POSTCONF}: ") for line in errors.split("\n")]
        fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
        self.fatal = fatal[0] if fatal else ""
        self.warnings = [line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")]
        self.output = output


def postconf(*arguments: str) -> Said:
    """Run postconf; one that has told its fatal error is not given the second it likes to sleep then."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [POSTCONF, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            close_fds=False,
        )
        errors = b""
        assert process.stderr
        for line in process.stderr:
            errors += line
            if line.startswith(tuple(f"{POSTCONF}: {what}: ".encode() for what in ("fatal", "panic"))):
                process.kill()
                break
        process.stderr.close()
        returncode = process.wait()
        output.seek(0)
        said = Said(_text(output.read()), _text(errors), process.pid)
    if returncode and not said.fatal:
        # Comparisons that lead back to themselves: postconf recurs until its stack is full.
        said.fatal = CRASHED if returncode == -signal.SIGSEGV else f"ended with {returncode}"
    return said


@functools.lru_cache(maxsize=1)
def defaults() -> "dict[str, str]":
    """The compiled-in defaults."""
    values = {}
    for line in postconf("-c", "/nonexistent", "-d").output.split("\n")[:-1]:
        name, _, value = line.partition(" =")
        values[name] = value[1:]
    return values


def printable(text: str) -> str:
    """The text as Postfix's log writes it: what is not printable ASCII as ``?``."""
    return "".join(chr(b) if 0x20 <= b < 0x7F else "?" for b in text.encode("utf-8", "surrogateescape"))


def expanded(main: MainCf, config_dir: str, pid: int = 0) -> "tuple[dict[str, str], dict[str, str]]":
    """(values, errors) of our reader, by name."""
    values, errors = {}, {}
    known = {**defaults(), "config_directory": config_dir, "process_id": str(pid)}
    for name in main.raw:
        try:
            values[name] = main.expanded(name, known)
        except ExpandError as error:
            errors[name] = str(error)
    return values, errors


def write_files(directory: Path, main: bytes, master: bytes) -> None:
    """Write both files as if long ago: postconf waits until a main.cf has been left alone for a second."""
    for name, data in (("main.cf", main), ("master.cf", master)):
        (directory / name).write_bytes(data)
        os.utime(directory / name, (1_000_000_000, 1_000_000_000))


def main_difference(data: bytes, directory: Path) -> str:
    """How our reading of a main.cf differs from postconf's, or ""."""
    write_files(directory, data, b"")
    main = parse_main_cf(data, "main.cf")
    # Its default would look up what inet_interfaces names.
    given = [] if "mynetworks" in main.raw else ["-o", "mynetworks=127.0.0.1"]
    said = postconf("-c", str(directory), *given, "-nx")
    values, errors = expanded(main, str(directory), said.pid)
    if said.fatal:
        where = re.search(r"main\.cf, line (\d+)(?:-(\d+))?: ", said.fatal)
        if where:
            first, last = int(where[1]), int(where[2] or where[1])
            fatal = [problem for problem in main.problems if problem.fatal]
            if not fatal:
                return f"postconf: {said.fatal!r}; we have no fatal problem"
            if not first <= fatal[0].line <= last:
                return f"postconf: {said.fatal!r}; we say line {fatal[0].line}"
            if fatal[0].text.partition(":")[0] not in said.fatal:
                return f"postconf: {said.fatal!r}; we say {fatal[0].text!r}"
            return ""
        if "macro processing error" in said.fatal or "bad conversion" in said.fatal:
            return "" if errors else f"postconf: {said.fatal!r} {said.warnings[:3]}; we have {values}"
        return f"postconf: {said.fatal!r}"
    if main.fatal:
        return f"postconf reads it; we say {main.problems}"
    return _compare_values(said, main, values, errors)


def _compare_values(said: Said, main: MainCf, values: "dict[str, str]", errors: "dict[str, str]") -> str:
    """As main_difference, for a file that postconf has read."""
    shown = {}
    for line in said.output.split("\n")[:-1]:
        name, _, value = line.partition(" =")
        shown[name] = value[1:]
    for given in {"config_directory", "mynetworks"} - main.raw.keys():
        shown.pop(given, None)
    unused = set()
    for warning in said.warnings:
        _, found, pair = warning.partition(": unused parameter: ")
        if found:
            unused.add(pair)
    hidden = shown.keys() | READ_ONLY_PARAMETERS
    ours_unused = {printable(f"{name}={raw}") for name, raw in main.raw.items() if name not in hidden}
    if unused != ours_unused:
        return f"postconf has unused {unused}; we have {ours_unused}"
    for name, value in shown.items():
        if name not in main.raw:
            return f"postconf has {name} = {value!r}; we have it not"
        if name in errors:
            return f"postconf has {name} = {value!r}; we say {errors[name]}"
        # postconf shows any run of blanks as one space.
        if " ".join(split_words(values[name], BLANKS)) != value:
            return f"postconf has {name} = {value!r}; we have {values[name]!r} from {main.raw[name]!r}"
    return ""


def master_difference(data: bytes, directory: Path) -> str:
    """How our reading of a master.cf differs from postconf's, or ""."""
    write_files(directory, b"", data)
    said = postconf("-c", str(directory), "-M")
    master = parse_master_cf(data, "master.cf")
    if said.fatal:
        fatal = [problem for problem in master.problems if problem.fatal]
        if "macro processing error" in said.fatal:
            return "" if any("$" in row for row in map(str, master.rows)) else f"postconf: {said.fatal!r}"
        if not master.unreadable:
            return f"postconf: {said.fatal!r}; we have {master.rows}"
        where = re.search(r"master\.cf: line (\d+): ", said.fatal)
        if where and int(where[1]) not in [problem.line for problem in fatal]:
            return f"postconf: {said.fatal!r}; we say {fatal}"
        return ""
    if master.unreadable:
        return f"postconf reads it; we say {master.problems}"
    ours = "".join(f"{row}\n" for row in master.rows)
    return "" if ours == said.output else f"postconf has {said.output!r}; we have {ours!r}"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
