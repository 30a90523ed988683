"""master.cf read as Postfix reads it: one row for each service the master process offers."""

from postfix_ha.config.logical_lines import (
    BLANKS,
    LineProblem,
    read_logical_lines,
    split_braced_words,
    split_name_value,
    unbrace,
)

TYPES = ("unix", "fifo", "inet", "pass", "unix-dgram")
FIELDS = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process limit", "command")
# Where `postconf -M` begins each field.
COLUMNS = (0, 11, 17, 25, 33, 41, 49, 57)
DIGITS = frozenset("0123456789")
# The longest word that has a meaning in a field, and a little more.
FIELD_SHOWN = 5
# The options of Postfix's daemons that take a value, as its getopt() strings have them.
OPTIONS_WITH_VALUE = frozenset("imnorst")


class MasterRow:
    """One row of master.cf; fields are Postfix's text ("-" is the default), ``words`` what follows the command."""

    __slots__ = ("chroot", "command", "line", "maxproc", "name", "private", "type", "unpriv", "wakeup", "words")

    def __init__(self, fields: "list[str]", line: int = 0) -> None:
        (
            self.name,
            self.type,
            self.private,
            self.unpriv,
            self.chroot,
            self.wakeup,
            self.maxproc,
            self.command,
            *words,
        ) = fields
        self.words: "list[str]" = words
        self.line = line

    @property
    def fields(self) -> "list[str]":
        """The eight fields that every row has."""
        return [self.name, self.type, self.private, self.unpriv, self.chroot, self.wakeup, self.maxproc, self.command]

    @property
    def program(self) -> str:
        """The daemon program's file name, without directories."""
        return self.command.rpartition("/")[2]

    @property
    def args(self) -> "list[str]":
        """The arguments as master passes them to the program: without the braces around a word."""
        return [unbrace(word)[0] if word[0] == "{" else word for word in self.words]

    @property
    def options(self) -> "dict[str, str]":
        """The main.cf parameters that ``-o name=value`` sets for this service; the last one of a name wins."""
        return {name: value for name, value, wrong in map(split_name_value, self._settings()) if not wrong}

    @property
    def wrong_options(self) -> "list[tuple[int, str]]":
        """(which, what is wrong with it) of each ``-o`` that sets nothing: the program ends when it comes to it."""
        settings = enumerate(self._settings(), 1)
        return [(number, wrong) for number, text in settings for wrong in split_name_value(text)[2:] if wrong]

    def _settings(self) -> "list[str]":
        """What follows each ``-o``."""
        found = []
        args = iter(self.args)
        for arg in args:
            if arg[:1] != "-" or arg in ("-", "--"):
                break
            for position, letter in enumerate(arg[1:], 2):
                if letter in OPTIONS_WITH_VALUE:
                    text = arg[position:] or next(args, "")
                    if letter == "o":
                        found.append(text)
                    break
        return found

    def __str__(self) -> str:
        """The row as ``postconf -M`` shows it."""
        text = ""
        for column, field in zip(COLUMNS, self.fields):
            text += (" " * max(1, column - len(text.encode("utf-8", "surrogateescape"))) if text else "") + field
        in_options = True
        args = iter(postconf_arguments(self.words))
        for arg in args:
            was_in_options = in_options
            in_options = in_options and arg[:1] == "-" and arg != "--"
            # postconf forgets the braces around the first word after the options.
            text += " " + (arg if was_in_options else _braced_if_blank(arg))
            if in_options and arg[1:2] in WITH_VALUE:
                value = next(args, None)
                text += "" if value is None else " " + _braced_if_blank(value)
        return text

    def __repr__(self) -> str:
        return f"MasterRow({self.fields + self.words!r}, {self.line})"


class MasterCf:
    """What one master.cf says: every row in the order of the file, and what is wrong with it."""

    __slots__ = ("file", "problems", "rows", "unreadable")

    def __init__(self, file: str = "") -> None:
        self.file = file
        self.rows: "list[MasterRow]" = []
        self.problems: "list[LineProblem]" = []
        # Set where even postconf refuses the file, and with it every question about main.cf.
        self.unreadable = False

    @property
    def fatal(self) -> bool:
        """Whether Postfix refuses the file."""
        return any(problem.fatal for problem in self.problems)


def parse_master_cf(data: bytes, file: str = "") -> MasterCf:
    """Parse the bytes of a master.cf; never raises. A row that Postfix refuses is a problem and not among the rows."""
    master = MasterCf(file)
    logical, master.problems = read_logical_lines(data, file)
    for line in logical:
        fields = split_braced_words(line.text)
        wrong = _wrong_fields(fields)
        if wrong:
            master.problems.append(LineProblem(file, line.first, wrong))
            master.unreadable = True
            continue
        row = MasterRow(fields, line.first)
        master.problems.extend(LineProblem(file, line.first, text) for text in _wrong_for_master(row))
        master.rows.append(row)
    return master


def _field(text: str) -> str:
    """A field as a problem shows it: a line that is none may have anything there, a password too."""
    is_plain = len(text) <= FIELD_SHOWN and text.isascii() and text.replace("-", "").replace("?", "").isalnum()
    return repr(text) if is_plain or not text.strip("-?") else "(not shown)"


def _wrong_fields(fields: "list[str]") -> str:
    """What Postfix refuses in the fields of a row, or ""."""
    if len(fields) < len(FIELDS):
        return f"too few fields ({len(fields)} of {len(FIELDS)})"
    if fields[1] not in TYPES:
        return f"invalid type field {_field(fields[1])}"
    for position in (2, 3, 4):
        if fields[position] not in ("y", "n", "-"):
            return f"invalid {FIELDS[position]} field {_field(fields[position])}"
    wakeup = fields[5]
    if wakeup[-1:] == "?":
        wakeup = wakeup[:-1]
    if wakeup != "-" and not DIGITS.issuperset(wakeup):
        return f"invalid wakeup field {_field(fields[5])}"
    if fields[6] != "-" and not DIGITS.issuperset(fields[6]):
        return f"invalid process limit field {_field(fields[6])}"
    return ""


def _wrong_for_master(row: MasterRow) -> "list[str]":
    """What only the master process refuses in a row; postconf shows such a row."""
    wrong = [unbrace(word)[1] for word in row.words if word[0] == "{"]
    if row.type == "inet" and row.private != "n":
        wrong.append(f"inet service {row.name} cannot be private: its third field must be n")
    for what, field in (("wakeup", row.wakeup), ("process limit", row.maxproc)):
        if field in ("?", "-?") or _as_int(field.rstrip("?")) < 0:
            wrong.append(f"invalid {what} field {_field(field)}")
    if row.command == "-":
        wrong.append("the command field has no default")
    return [text for text in wrong if text]


def _as_int(digits: str) -> int:
    """The number as atoi(3) has it, which takes what is too great for something less than nothing."""
    number = min(int(digits[-40:]), 2**63 - 1) if DIGITS.issuperset(digits) and digits else 0
    return (number + 2**31) % 2**32 - 2**31


# What postconf takes for an option with a value: "-o", and "-" alone (it looks for the byte after it, which is NUL).
WITH_VALUE = ("o", "")


def postconf_arguments(words: "list[str]") -> "list[str]":
    """The words after the command in the form in which postconf shows them: ``-o name=value`` apart and unbraced."""
    words = list(words)
    position = 0
    while position < len(words) and words[position][:1] == "-" and words[position] != "--":
        joined = words[position].find("o", 2)
        if joined > 0:  # "-vo" is "-v" "-o"; postconf looks for the letter everywhere, even in "-ofoo=bar"
            words[position : position + 1] = [words[position][:joined], "-" + words[position][joined:]]
        if words[position][1:2] in WITH_VALUE:
            if len(words[position]) > 2:
                words[position : position + 1] = ["-o", words[position][2:]]
            position += 1
            if position < len(words) and words[position][0] == "{":
                words[position] = unbrace(words[position])[0]
                name, value, wrong = split_name_value(words[position])
                if not wrong and words[position - 1] != "-":
                    words[position] = f"{name}={value}"
        position += 1
    return words[:position] + [unbrace(word)[0] if word[0] == "{" else word for word in words[position:]]


def _braced_if_blank(arg: str) -> str:
    """The argument in braces where it holds white space."""
    return "{" + arg + "}" if any(letter in BLANKS for letter in arg) else arg
