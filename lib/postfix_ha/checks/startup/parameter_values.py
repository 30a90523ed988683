"""Checks of the values of numbers, times and booleans: a Postfix program that finds any other there ends at once."""

import os

from postfix_ha.config.expand import ExpandError, expand
from postfix_ha.config.logical_lines import read_file
from postfix_ha.config.main_cf import MainCf, parse_main_cf
from postfix_ha.config.master_cf import MasterCf, MasterRow, parse_master_cf
from postfix_ha.config.postconf import ask_defaults
from postfix_ha.config.secrets import Secrets
from postfix_ha.config.value_limits import NOT_SMTPD, READ_BY_ALL
from postfix_ha.config.values import DIGITS, kind_of, wrong_value
from postfix_ha.system.quoting import quote_words
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postfix_ha.config.expand import Lookup

# Mailboxes are limited by a program that refuses to work where one message would not fit; what makes it work at all.
MAILBOX_LIMITS = {"mailbox_size_limit": "mydestination", "virtual_mailbox_limit": "virtual_mailbox_domains"}


def wrong_values(config_dir: str, postconf: str, deadline: float) -> "list[Finding]":
    """Every value that Postfix refuses in main.cf and master.cf; none where the defaults are not known."""
    main = parse_main_cf(*read_file(os.path.join(config_dir, "main.cf")))
    master = parse_master_cf(*read_file(os.path.join(config_dir, "master.cf")))
    values = Values(main, master, ask_defaults(postconf, deadline).values)
    return values.wrong() + check_options(master)


class Values:
    """The values that a configuration sets, beside the compiled-in defaults that tell what each has to be."""

    def __init__(self, main: MainCf, master: MasterCf, defaults: "dict[str, str]") -> None:
        self.main = main
        self.master = master
        self.defaults = defaults
        self.built_in = MainCf()
        self.transports = frozenset(row.name for row in master.rows if row.type == "unix")
        self.smtpd_rows = [row for row in master.rows if row.program == "smtpd"]

    def wrong(self) -> "list[Finding]":
        """parameter_values_valid for what keeps Postfix from serving, daemon_values_valid for the rest."""
        if not self.defaults:
            return []  # nobody can tell what the values have to be
        found = [self._finding(name, self._why(name, raw, self._look_up)) for name, raw in self.main.raw.items()]
        for row in self.master.rows:
            look_up = self._look_up_for(row)
            for name, raw in row.options.items():
                found.append(self._row_finding(row, name, self._why(name, raw, look_up)))
        return [finding for finding in [*found, *self._too_small()] if finding is not None]

    def _number(self, name: str) -> "int | None":
        """A number's value, None where it is none."""
        value = self._value(name)
        return int(value) if 0 < len(value) < 40 and DIGITS.issuperset(value) else None

    def _value(self, name: str) -> str:
        """A parameter's expanded value, "" also where it cannot be expanded."""
        try:
            return self.main.expanded(name, self.defaults)
        except ExpandError:
            return ""

    def _look_up(self, name: str) -> "str | None":
        return self.main.look_up(name, self.defaults)

    def _look_up_for(self, row: MasterRow) -> "Lookup":
        options = row.options
        return lambda name: options[name] if name in options else self._look_up(name)

    def _why(self, name: str, raw: str, look_up: "Lookup") -> str:
        """Why a value is refused, "" where it is taken or where another check tells why it cannot be read."""
        try:
            default = self.built_in.expanded(name, self.defaults) if name in self.defaults else None
            kind = kind_of(name, default, self.transports)
            if not kind:
                return ""
            if "$" not in raw:
                return wrong_value(name, raw, kind)
            # Where it refers to a secret, shown is what stands there.
            return wrong_value(name, expand(raw, look_up), kind, raw if self._tells_secret(raw) else "")
        except ExpandError:
            return ""

    def _tells_secret(self, raw: str) -> bool:
        """Whether a value refers to one that is nobody's business, by however many steps."""
        options = [pair for row in self.master.rows for pair in row.options.items()]
        return Secrets({}, self.main.raw, options).refers(raw)

    def _finding(self, name: str, why: str) -> "Finding | None":
        if not why:
            return None
        config_dir = os.path.dirname(self.main.file)
        values = {"name": name, "why": why}
        where = told_where(self.main.file, self.main.lines.get(name, 0))
        cure = quote_words(["postconf", "-c", config_dir, "-X", name])
        if name in READ_BY_ALL or self._is_smtpd_alone(name):
            return Finding("parameter_values_valid", cure=cure, by_all=name in READ_BY_ALL, **where, **values)
        return Finding("daemon_values_valid", cure=cure, **where, **values)

    def _is_smtpd_alone(self, name: str) -> bool:
        """Whether a wrong value keeps clients from being served: some smtpd reads it, with no value of its own."""
        if not name.startswith("smtpd_") or name in NOT_SMTPD:
            return False
        return any(name not in row.options for row in self.smtpd_rows)

    def _row_finding(self, row: MasterRow, name: str, why: str) -> "Finding | None":
        if not why:
            return None
        config_dir, service = os.path.dirname(self.master.file), f"{row.name}/{row.type}"
        values = {"name": f"{name} of {service}", "why": why}
        where = told_where(self.master.file, row.line)
        cure = quote_words(["postconf", "-c", config_dir, "-PX", f"{service}/{name}"])
        if row.program == "smtpd" and row.type == "inet" and name not in NOT_SMTPD:
            return Finding("parameter_values_valid", cure=cure, by_all=False, **where, **values)
        return Finding("daemon_values_valid", cure=cure, **where, **values)

    def _too_small(self) -> "list[Finding | None]":
        """Limits of mailboxes below that of a message."""
        message = self._number("message_size_limit")
        found: "list[Finding | None]" = []
        for name, domains in MAILBOX_LIMITS.items():
            limit = self._number(name)
            if (
                self._value(domains)
                and limit
                and limit > 0
                and message is not None
                and (message <= 0 or limit < message)
            ):
                set_there = name if name in self.main.raw else "message_size_limit"
                cure = quote_words(["postconf", "-c", os.path.dirname(self.main.file), "-e", f"{name}=0"])
                where = told_where(self.main.file, self.main.lines.get(set_there, 0))
                why = f"{limit} is less than message_size_limit, which is {message if message > 0 else 'without limit'}"
                found.append(Finding("daemon_values_valid", name=name, why=why, cure=cure, **where))
        return found


def check_options(master: MasterCf) -> "list[Finding]":
    """daemon_values_valid for each ``-o`` of a service that sets nothing, so that its program ends at once."""
    return [
        Finding(
            "daemon_values_valid",
            name=f"-o of {row.name}/{row.type}",
            why=f"the {_ordinal(number)} -o: {wrong}",
            **told_where(master.file, row.line),
        )
        for row in master.rows
        for number, wrong in row.wrong_options
    ]


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def told_where(file: str, line: int) -> "dict[str, object]":
    """What a finding says of where it is: file and line (0 for none), and both in words."""
    return {"file": file, "line": line, "where": f"{file}, line {line}" if line else file}
