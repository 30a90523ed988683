"""The declared parameters of the agent and their values. Every value from the cluster is data: no shell sees it."""

import os

from postfix_ha.verdict import Finding

BINARY_DEFAULT = "/usr/sbin/postfix"
GREETING_TIMEOUT_DEFAULT_S = 10
GREETING_TIMEOUT_MAX_S = 600
DRAIN_TIMEOUT_DEFAULT_S = 5
DRAIN_TIMEOUT_MAX_S = 3600
PROGRAM_DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")


class Declared:
    """One declared parameter: name, type (string or integer) and default, as the meta-data says it."""

    __slots__ = ("default", "name", "type")

    def __init__(self, name: str, type_: str, default: str) -> None:
        self.name = name
        self.type = type_
        self.default = default


DECLARED = (
    Declared("binary", "string", BINARY_DEFAULT),
    Declared("config_dir", "string", ""),
    Declared("parameters", "string", ""),
    Declared("greeting_timeout", "integer", str(GREETING_TIMEOUT_DEFAULT_S)),
    Declared("drain_timeout", "integer", str(DRAIN_TIMEOUT_DEFAULT_S)),
)


class Params:
    """The parameters as the actions use them; what is wrong with them is in ``findings``.

    ``binary`` is the path of postfix(1); ``config_dir`` the configuration directory without trailing slashes, "" for
    the default one; ``arguments`` the further arguments of the postfix command, split as a shell would but never seen
    by one; ``greeting_timeout_s`` and ``drain_timeout_s`` seconds. An empty value counts as not given.
    """

    __slots__ = ("arguments", "binary", "config_dir", "drain_timeout_s", "findings", "greeting_timeout_s")

    def __init__(self, values: "dict[str, str]") -> None:
        self.findings: "list[Finding]" = []
        given = {declared.name: values.get(declared.name) or declared.default for declared in DECLARED}
        self.binary = self._binary(given["binary"])
        self.arguments: "list[str]" = []
        option = self._arguments(given["parameters"]) if given["parameters"] else ""
        self.config_dir = self._config_dir(given["config_dir"], option)
        self.greeting_timeout_s = self._greeting_timeout(given["greeting_timeout"])
        self.drain_timeout_s = self._drain_timeout(given["drain_timeout"])

    def command(self, *words: str, config_dir: str = "") -> "list[str]":
        """The argument vector of the postfix command for this instance.

        ``config_dir`` is what was found where the parameter is not given. The directory is always named where one is
        known: without ``-c`` a default instance with ``multi_instance_wrapper`` acts on all its instances
        (postmulti(1)).
        """
        directory = self.config_dir or config_dir
        instance = ["-c", directory] if directory else []
        return [self.binary, *instance, *self.arguments, *words]

    def _binary(self, value: str) -> str:
        if "/" not in value and value.isprintable() and value.strip():
            # The shell agent takes a bare name from the search path; so that clusters can change over, so do we.
            candidates = (os.path.join(directory, value) for directory in PROGRAM_DIRECTORIES)
            return next((path for path in candidates if os.access(path, os.X_OK)), value)
        if not value.startswith("/") or not value.isprintable():
            self.findings.append(Finding("binary_dir_given", value=value))
        return value

    def _config_dir(self, value: str, option: str) -> str:
        path = value.rstrip("/") or value[:1]
        if option and path and option != path:
            self.findings.append(Finding("config_dir_given_once", value=path, option=option))
        path = path or option
        if not path:
            return ""
        if path.startswith("/") and path.isprintable():
            return path
        is_bare = "/" not in path and path.isprintable() and path.strip()
        self.findings.append(Finding("config_dir_absolute" if is_bare else "config_dir_given", value=path))
        return path

    def _arguments(self, value: str) -> str:
        """Take the arguments apart; returns the directory of a -c option, "" for none."""
        words, is_whole = split_words(value)
        directory = ""
        at = 0
        while at < len(words):
            word = words[at]
            if word.startswith("-c"):
                directory = word[2:] or "".join(words[at + 1 : at + 2])
                at += 1 if word[2:] else 2
                continue
            if not is_whole or not (word.startswith("-") and word[1:] and set(word[1:]) <= set("vD")):
                self.findings.append(Finding("parameters_valid", value=word if is_whole else value))
                return directory
            self.arguments.append(word)
            at += 1
        return directory.rstrip("/") or directory[:1]

    def _greeting_timeout(self, value: str) -> int:
        seconds = whole_seconds(value, 1, GREETING_TIMEOUT_MAX_S)
        if seconds is None:
            self.findings.append(Finding("greeting_timeout_valid", value=value, maximum_s=GREETING_TIMEOUT_MAX_S))
        return GREETING_TIMEOUT_DEFAULT_S if seconds is None else seconds

    def _drain_timeout(self, value: str) -> int:
        seconds = whole_seconds(value, 0, DRAIN_TIMEOUT_MAX_S)
        if seconds is None:
            self.findings.append(Finding("drain_timeout_valid", value=value, maximum_s=DRAIN_TIMEOUT_MAX_S))
        return DRAIN_TIMEOUT_DEFAULT_S if seconds is None else seconds


def whole_seconds(value: str, least_s: int, most_s: int) -> "int | None":
    """A whole number of seconds, with or without an s, from the least to the most; None for any other text."""
    text = value.removesuffix("s")
    if not (text.isascii() and text.isdigit()):
        return None
    # However long it is: int() takes thousands of digits badly.
    seconds = int(text.lstrip("0")[:9] or "0")
    return seconds if least_s <= seconds <= most_s else None


def split_words(text: str) -> "tuple[list[str], bool]":
    """The words of a text with a shell's quotes taken off; False beside them when a quote is not closed."""
    if not set(text) & set("'\"\\"):
        return text.split(), True
    import shlex

    try:
        return shlex.split(text), True
    except ValueError:
        return [text], False
