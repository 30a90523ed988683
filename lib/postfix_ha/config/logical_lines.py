"""Postfix's logical lines: the one grammar under main.cf and master.cf (``readllines`` in Postfix's source)."""

from postfix_ha.system.files import read_regular

# White space as C's isspace() has it for ASCII. Never str.isspace(): to Postfix a no-break space is a letter.
SPACE = " \t\n\v\f\r"
# White space and comma as separators of the words of a value (Postfix's CHARS_SPACE, CHARS_COMMA_SP).
BLANKS = " \t\r\n"
COMMA_BLANKS = ", \t\r\n"

BRACES = "{}"

# A file larger than this is not a configuration; reading it whole would only hurt the node.
FILE_SIZE_MAX = 8 * 1024 * 1024


class LogicalLine:
    """One logical line: its text without the line ends, and the first and last physical line it came from."""

    __slots__ = ("first", "last", "text")

    def __init__(self, text: str, first: int, last: int) -> None:
        self.text = text
        self.first = first
        self.last = last

    def __repr__(self) -> str:
        return f"LogicalLine({self.text!r}, {self.first}, {self.last})"


class LineProblem:
    """Something wrong in a file: what was met there and where; ``fatal`` where Postfix itself refuses the file."""

    __slots__ = ("fatal", "file", "line", "text")

    def __init__(self, file: str, line: int, text: str, *, fatal: bool = True) -> None:
        self.file = file
        self.line = line
        self.text = text
        self.fatal = fatal

    def __repr__(self) -> str:
        return f"LineProblem({self.file!r}, {self.line}, {self.text!r}, fatal={self.fatal})"


def read_logical_lines(data: bytes, file: str = "") -> "tuple[list[LogicalLine], list[LineProblem]]":
    """Split the bytes of a file into logical lines, and say what Postfix would warn about.

    Bytes that are not UTF-8 live on as surrogates (``os.fsencode`` gives them back). A byte-order mark is ordinary
    text, as it is to Postfix. Text after a NUL byte is not seen, because Postfix's callers do not see it either.
    """
    lines: "list[LogicalLine]" = []
    problems: "list[LineProblem]" = []
    parts: "list[str]" = []
    first = last = 0

    def finish() -> None:
        if not parts:
            return
        text, nul, _ = "".join(parts).partition("\0")
        if nul:
            problems.append(LineProblem(file, first, "text after a NUL byte is ignored", fatal=False))
        if text[:1] and text[0] in SPACE:
            problems.append(LineProblem(file, first, "a logical line must not begin with white space"))
            problems[-1].fatal = False  # Postfix warns and goes on with the next line
        else:
            lines.append(LogicalLine(text, first, last))
        parts.clear()

    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        stripped = line.lstrip(SPACE)
        if not stripped or stripped[0] == "#":
            continue  # inside a logical line too: it goes on after the comment
        if line[0] not in SPACE:
            finish()
        if not parts:
            first = number
        parts.append(line)
        last = number
    finish()
    return lines, problems


def read_file(path: str) -> "tuple[bytes, str]":
    """(bytes, path) of a configuration file; no bytes where it cannot be read, which is told elsewhere."""
    try:
        return read_regular(path, FILE_SIZE_MAX), path
    except OSError:
        return b"", path


def split_name_value(text: str) -> "tuple[str, str, str]":
    """(name, value, "") of ``name = value`` text, or ("", "", what is wrong) in Postfix's words."""
    text = text.lstrip(SPACE)
    if not text or text[0] == "=":
        return "", "", "missing attribute name"
    end = 0
    while end < len(text) and text[end] not in SPACE and text[end] != "=":
        end += 1
    rest = text[end:].lstrip(SPACE)
    if rest[:1] != "=":
        return "", "", "missing '=' after attribute name"
    return text[:end], rest[1:].strip(SPACE), ""


def split_words(text: str, separators: str = COMMA_BLANKS) -> "list[str]":
    """The words of a value, split at any run of separators."""
    for separator in separators[1:]:
        text = text.replace(separator, separators[0])
    return [word for word in text.split(separators[0]) if word]


def split_braced_words(text: str, separators: str = BLANKS) -> "list[str]":
    """The words of a value where separators inside ``{ }`` do not separate; the braces are kept."""
    words: "list[str]" = []
    word: "list[str]" = []
    level = 0
    for letter in text:
        if level == 0 and letter in separators:
            if word:
                words.append("".join(word))
                word.clear()
            continue
        if letter == "{":
            level += 1
        elif letter == "}" and level > 0:
            level -= 1
        word.append(letter)
    if word:
        words.append("".join(word))
    return words


def unbrace(word: str) -> "tuple[str, str]":
    """(text between the braces without outer white space, "") or (best guess, what is wrong) as ``extpar`` does it."""
    if word[:1] != "{":
        return word.strip(SPACE), "no '{' at start of text"
    length = balanced_length(word)
    if length == 0:
        return word[1:].strip(SPACE), "missing '}'"
    problem = "syntax error after '}'" if length < len(word) else ""
    return word[1 : length - 1].strip(SPACE), problem


def balanced_length(text: str, braces: str = BRACES) -> int:
    """Length of the balanced text in braces at the beginning of the text; 0 where it does not end."""
    level = 0
    for position, letter in enumerate(text):
        if letter == braces[0]:
            level += 1
        elif letter == braces[1]:
            level -= 1
            if level == 0:
                return position + 1
    return 0
