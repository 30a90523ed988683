"""What Postfix's own programs say of the values of main.cf, and where our check says something else."""

import functools
import os
import re
import select
import socket
import subprocess
from pathlib import Path
from random import Random

from postfix_ha.checks.startup.parameter_values import Values
from postfix_ha.config.main_cf import MainCf, parse_main_cf
from postfix_ha.config.master_cf import parse_master_cf
from postfix_ha.config.values import BOOLEAN, NUMBER, kind_of
from tests.property.config_generator import encode, line_end
from tests.property.config_oracle import ENVIRONMENT, defaults

# Reads what all programs read, and nothing more.
COMMAND = ["/usr/sbin/postmap", "-q", "x", "static:y"]
# As sendmail(1) runs it for -bs: by hand, without a master, here with no client.
SMTPD = ["/usr/lib/postfix/sbin/smtpd", "-S"]
BASE = "compatibility_level = 3.6\nmyhostname = mail.example.com\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.1\n"
BASE += "local_recipient_maps =\nalias_maps =\nfive = 5\nsoon = 5s\n"
END = "queue_directory = {}\nmaillog_file = /var/log/mail.log\n"
# What smtpd says when it has read all values, and goes on to what is not there.
PASSED = b"connect #1 to subsystem"
MASTER = parse_master_cf(b"smtp inet n - n - - smtpd\n", "master.cf")
# Read by master alone, which is not to be had without starting it.
NOT_ASKED = ("service_throttle_time",)
FATAL = re.compile(
    r"fatal: (?:bad (?:numerical|boolean) configuration: (\S+) = |parameter (\S+): bad time|invalid (\S+?):? )"
)
NUMBERS = (
    "0",
    "1",
    "10",
    "007",
    "600",
    "-1",
    "-0",
    "+5",
    "2147483647",
    "2147483648",
    "-2147483649",
    "9" * 19,
    "9" * 30,
)
UNITS = ("", "", "", "s", "m", "h", "d", "w", "x", "ss", " s", "S", "1", ".5", "k", "\v")
TEXTS = (
    "",
    "yes",
    "no",
    "YES",
    "No",
    "maybe",
    "y",
    "true",
    "on",
    "s",
    "abc",
    "ja\xdf",
    "$",
    "$$",
    "0x10",
    "1e3",
    "-",
    "+",
)
# Only to what main.cf sets: what a default gives depends on the order in which a program reads its tables.
REFERENCES = ("$five", "${soon}", "${nosuch}", "${nosuch:5}", "${stress?{1}:{10}}", "$compatibility_level")


@functools.cache
def names() -> "tuple[tuple[str, ...], tuple[str, ...]]":
    """The numbers, times and booleans that all programs read, and those that bear smtpd's name."""
    from postfix_ha.config.value_limits import NOT_SMTPD, READ_BY_ALL

    built_in = MainCf()
    known = [n for n in defaults() if n not in NOT_ASKED and kind_of(n, built_in.expanded(n, defaults()))]
    of_all = tuple(name for name in known if name in READ_BY_ALL)
    return of_all, tuple(name for name in known if name.startswith("smtpd_") and name not in NOT_SMTPD)


def main_cf_of_values(random: Random) -> bytes:
    """A main.cf that sets some numbers, times and booleans, most of them rightly."""
    parts = [BASE]
    of_all, of_smtpd = names()
    known = (*of_all, *of_smtpd) if random.randrange(4) == 0 else of_all
    for _ in range(random.randrange(1, 6)):
        name = random.choice(known)
        parts.append(f"{name} = {_value(random, name)}{line_end(random)}")
    return encode(random, "".join(parts))


def _value(random: Random, name: str) -> str:
    if random.randrange(3):
        kind = kind_of(name, MainCf().expanded(name, defaults()))
        good = {BOOLEAN: ("yes", "no"), NUMBER: ("1", "20", "600", "5000")}.get(kind, ("1", "5s", "2m", "1h", "1d"))
        return random.choice(good)
    if random.randrange(4) == 0:
        return random.choice(TEXTS + REFERENCES)
    return random.choice(NUMBERS) + random.choice(UNITS)


def value_difference(data: bytes, directory: Path) -> str:
    """How our judgement on the values of a main.cf differs from that of Postfix's programs, or ""."""
    programs = Programs(directory)
    try:
        return _difference(data, programs)
    finally:
        programs.close()


def _difference(data: bytes, programs: "Programs") -> str:
    path = programs.directory / "main.cf"
    path.write_bytes(data + END.format(programs.queue).encode())
    os.utime(path, (1_000_000_000, 1_000_000_000))
    main = parse_main_cf(path.read_bytes(), str(path))
    refused = {
        str(finding.values["name"]): bool(finding.values.get("by_all"))
        for finding in Values(main, MASTER, defaults()).wrong()
        if finding.check == "parameter_values_valid"
    }
    asked = [(COMMAND, [name for name, by_all in refused.items() if by_all])]
    if any(name in names()[1] for name in main.raw):
        asked.append((SMTPD, list(refused)))
    for argv, ours in asked:
        said = programs.fatal(argv)
        if "macro processing error" in said:
            return "" if any("$" in raw for raw in main.raw.values()) else said
        found = FATAL.search(said)
        name = next(filter(None, found.groups()), "") if found else ""
        if said and name not in ours:
            return f"{argv[0]}: {said!r}; we refuse {refused}"
        if said:
            return ""
        if ours:
            return f"{argv[0]} takes what we refuse: {ours}"
    return ""


class Programs:
    """Postfix's programs with what they log: to standard error, or to the socket of a log daemon that we are."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.queue = directory / "queue"
        (self.queue / "public").mkdir(parents=True, exist_ok=True)
        path = self.queue / "public" / "postlog"
        path.unlink(missing_ok=True)
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log.bind(str(path))

    def fatal(self, argv: "list[str]") -> str:
        """The fatal error, "" for none; the program is not given the second it sleeps before it ends."""
        env = {**ENVIRONMENT, "MAIL_CONFIG": str(self.directory)}
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        process = subprocess.Popen(argv, stdin=null, stdout=null, stderr=pipe, env=env, cwd=self.queue, close_fds=False)
        assert process.stderr
        text = b""
        while b"fatal: " not in text and PASSED not in text:
            ready, _, _ = select.select([process.stderr, self.log], [], [], 20)
            assert ready, f"{argv[0]} does not end"
            if self.log in ready:
                text += self.log.recv(65536) + b"\n"
            else:
                data = os.read(process.stderr.fileno(), 65536)
                text += data
                if not data:
                    break
        process.kill()
        process.stderr.close()
        process.wait()
        said = [line for line in text.decode("utf-8", "surrogateescape").splitlines() if "fatal: " in line]
        return said[0] if said else ""

    def close(self) -> None:
        """Hang up."""
        self.log.close()
