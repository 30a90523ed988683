"""main.cf read as Postfix reads it: names, raw values, and the line each came from."""

from postfix_ha.config.logical_lines import Problem, read_logical_lines, split_name_value


class MainCf:
    """What one main.cf says: ``raw`` name -> unexpanded value, ``lines`` name -> line of the definition that holds.

    Where a problem is fatal, Postfix refuses the whole file; the definitions that could be read are here all the same.
    """

    __slots__ = ("file", "lines", "problems", "raw")

    def __init__(self, file: str = "") -> None:
        self.file = file
        self.raw: "dict[str, str]" = {}
        self.lines: "dict[str, int]" = {}
        self.problems: "list[Problem]" = []

    @property
    def fatal(self) -> bool:
        """Whether Postfix refuses the file."""
        return any(problem.fatal for problem in self.problems)


def parse_main_cf(data: bytes, file: str = "") -> MainCf:
    """Parse the bytes of a main.cf; never raises. The last definition of a name wins."""
    main = MainCf(file)
    logical, main.problems = read_logical_lines(data, file)
    for line in logical:
        name, value, wrong = split_name_value(line.text)
        if wrong:
            main.problems.append(Problem(file, line.first, f"{wrong}: {line.text[:80]!r}"))
            continue
        main.raw[name] = value
        main.lines[name] = line.first
    return main
