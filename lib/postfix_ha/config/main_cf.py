"""main.cf read as Postfix reads it: names, raw values, and the line each came from."""

from postfix_ha.config.expand import expand
from postfix_ha.config.logical_lines import LineProblem, read_logical_lines, split_name_value

# Parameters whose value Postfix does not expand when it reads main.cf; who uses them does, at another time.
RAW_PARAMETERS = frozenset(
    (
        "command_execution_directory",
        "default_rbl_reply",
        "forward_path",
        "luser_relay",
        "mailbox_command",
        "postscreen_expansion_filter",
        "postscreen_reject_footer",
        "smtpd_expansion_filter",
        "smtpd_reject_footer",
    )
)
# Parameters that Postfix sets itself, whatever main.cf says.
READ_ONLY_PARAMETERS = frozenset(("process_id", "process_name", "service_name"))


class MainCf:
    """What one main.cf says: ``raw`` name -> unexpanded value, ``lines`` name -> line of the definition that holds,
    ``overridden`` name -> (line, value) of the definitions before it.

    Where a problem is fatal, Postfix refuses the whole file; the definitions that could be read are here all the same.
    """

    __slots__ = ("file", "lines", "overridden", "problems", "raw")

    def __init__(self, file: str = "") -> None:
        self.file = file
        self.raw: "dict[str, str]" = {}
        self.lines: "dict[str, int]" = {}
        self.overridden: "dict[str, list[tuple[int, str]]]" = {}
        self.problems: "list[LineProblem]" = []

    @property
    def fatal(self) -> bool:
        """Whether Postfix refuses the file."""
        return any(problem.fatal for problem in self.problems)

    def look_up(self, name: str, defaults: "dict[str, str]") -> "str | None":
        """The raw value of a name, or its default, or None."""
        default = defaults.get(name)
        return default if name in READ_ONLY_PARAMETERS else self.raw.get(name, default)

    def expanded(self, name: str, defaults: "dict[str, str]") -> str:
        """The expanded value of a name ("" where it has none); ExpandError where Postfix refuses it."""
        raw = self.look_up(name, defaults) or ""
        return raw if name in RAW_PARAMETERS else expand(raw, lambda other: self.look_up(other, defaults))


def parse_main_cf(data: bytes, file: str = "") -> MainCf:
    """Parse the bytes of a main.cf; never raises. The last definition of a name wins."""
    main = MainCf(file)
    logical, main.problems = read_logical_lines(data, file)
    for line in logical:
        name, value, wrong = split_name_value(line.text)
        if wrong:
            main.problems.append(LineProblem(file, line.first, wrong))
            continue
        if name in main.raw:
            main.overridden.setdefault(name, []).append((main.lines[name], main.raw[name]))
        main.raw[name] = value
        main.lines[name] = line.first
    return main
