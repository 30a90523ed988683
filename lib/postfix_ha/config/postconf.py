"""Ask the real ``postconf``: expanded values, compiled-in defaults, and the errors and warnings it has to tell."""

import contextlib
import os
import stat

from postfix_ha.config.logical_lines import FILE_SIZE_MAX, SPACE, read_file
from postfix_ha.instance import CONFIG_FILES
from postfix_ha.system import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

USUAL_PATH = "/usr/sbin/postconf"
# A directory without main.cf: with -d, postconf then shows what was compiled in, whatever /etc/postfix holds.
NO_CONFIG_DIR = "/nonexistent"
# Whatever it is asked, postconf works out mynetworks. Where main.cf does not set it, it looks up every name in
# inet_interfaces (with the resolver's patience) and fails when one of the addresses is not on this node: on every
# node but the active one. A value given here spares it that.
MYNETWORKS = ["-o", "mynetworks=127.0.0.1"]

# A configuration for questions that have nothing to do with an instance.
INERT_MAIN_CF = "compatibility_level=3.6"

NOT_STARTED = (command.NOT_FOUND, command.NOT_EXECUTABLE)


class Answer:
    """What postconf said: ``values`` name -> value, its warnings, and "" or why it failed.

    ``is_late`` where it failed because it did not answer in time.
    """

    __slots__ = ("error", "is_late", "values", "warnings")

    def __init__(self, values: "dict[str, str]", warnings: "list[str]", error: str, *, is_late: bool = False) -> None:
        self.values = values
        self.warnings = warnings
        self.error = error
        self.is_late = is_late

    def __repr__(self) -> str:
        return f"Answer({self.values!r}, {self.warnings!r}, {self.error!r})"


def find_postconf(binary: str = "") -> str:
    """The postconf that belongs to this ``postfix`` command: beside it, else at the usual place."""
    beside = os.path.join(os.path.dirname(binary), "postconf") if binary[:1] == "/" else ""
    return beside if beside and os.access(beside, os.X_OK) else USUAL_PATH


def ask_values(postconf: str, config_dir: str, names: "list[str]", deadline: float) -> Answer:
    """The expanded values of the names in the configuration directory ("" is the compiled-in one), in one call.

    Not to be asked for mynetworks. postconf shows any run of blanks in a value as one space, and it waits until
    main.cf was left alone for a second or two.
    """
    why = obstacle(config_dir) if config_dir else ""
    if why:
        return Answer({}, [], why)
    return _ask([postconf, *naming_options(config_dir), *MYNETWORKS, "-x", *names], names, deadline)


def naming_options(config_dir: str) -> "list[str]":
    """The options that name the configuration directory, for the value of config_directory too.

    A main.cf that was changed a moment ago is read again (dict_load_file_xt), and Postfix 3.10 has forgotten by then
    what it was told by -c: $config_directory is the compiled-in one. What main.cf itself sets holds.
    """
    if not config_dir:
        return []
    data, _ = read_file(os.path.join(config_dir, "main.cf"))
    names = {line.partition(b"=")[0].strip() for line in data.splitlines()}
    told = [] if b"config_directory" in names else ["-o", f"config_directory={config_dir}"]
    return ["-c", config_dir, *told]


def obstacle(config_dir: str) -> str:
    """Why postconf must not be let near a configuration directory, "" where it may.

    It reads whatever has the name: it waits at a FIFO, and takes all memory for a file without end.
    """
    for name in CONFIG_FILES:
        path = os.path.join(config_dir, name)
        try:
            about = os.stat(path)
        except OSError:
            continue
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            return f"{path} is not a regular file"
        if about.st_size > FILE_SIZE_MAX:
            return f"{path} is larger than {FILE_SIZE_MAX} bytes"
    return ""


def ask_defaults(postconf: str, deadline: float) -> Answer:
    """The compiled-in raw default of every parameter; independent of every main.cf and master.cf."""
    return _ask([postconf, "-c", NO_CONFIG_DIR, "-d"], None, deadline)


def ask_default_config_directory(postconf: str, deadline: float) -> str:
    """The compiled-in config_directory, "" where postconf does not answer."""
    answer = _ask([postconf, "-c", NO_CONFIG_DIR, "-d", "config_directory"], ["config_directory"], deadline)
    return answer.values.get("config_directory", "")


@contextlib.contextmanager
def inert_config(**settings: str) -> "Iterator[str]":
    """A configuration directory, while the with block lasts, with which Postfix's tools work wherever they are run."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="postfix-ha.") as directory:
        path = os.path.join(directory, "main.cf")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(INERT_MAIN_CF + "\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
        os.utime(path, (0, 0))  # postconf waits until main.cf was left alone for a while
        yield directory


def _ask(argv: "list[str]", names: "list[str] | None", deadline: float) -> Answer:
    """Run postconf and take its answer apart."""
    return read_answer(argv[0], command.run(argv, deadline=deadline), names)


def read_answer(postconf: str, done: command.Completed, names: "list[str] | None") -> Answer:
    """What a call of postconf answered; ``names`` is what was asked for, None for every parameter."""
    warnings: "list[str]" = []
    error = ""
    for line in _text(done.stderr).split("\n"):
        # Postfix's own words begin with the program as it was called; "no such program" must keep its name.
        said = line.removeprefix(f"{postconf}: ") if done.returncode not in NOT_STARTED else line
        if said.startswith("warning: "):
            warnings.append(said[len("warning: ") :])
        elif said.strip(SPACE):
            error = said
    if done.timed_out:
        error = f"{postconf} did not answer in time"
    elif done.returncode != 0:
        error = error or f"{postconf} ended with exit code {done.returncode}"
    else:
        error = ""
    return Answer(_values(_text(done.stdout), names), warnings, error, is_late=done.timed_out)


def _values(text: str, names: "list[str] | None") -> "dict[str, str]":
    """The values in ``name = value`` lines; a line that begins no name asked for continues the value before it."""
    values: "dict[str, str]" = {}
    last = ""
    for line in text.removesuffix("\n").split("\n"):
        name, equals, value = line.partition(" =")
        if equals and (name in names if names is not None else _is_name(name)) and name not in values:
            last = name
            values[name] = value[1:]
        elif last:
            values[last] += "\n" + line
    return values


def _is_name(text: str) -> bool:
    """Whether the text can be a parameter's name."""
    return bool(text) and not any(letter in SPACE for letter in text)


def _text(data: bytes) -> str:
    """The bytes as text that keeps what is not UTF-8."""
    return data.decode("utf-8", "surrogateescape")
