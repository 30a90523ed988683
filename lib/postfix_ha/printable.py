"""How text that others wrote is shown: nothing in it steers a terminal, begins a line, or goes on without end."""

LENGTH_MAX = 4000


def printable(text: str, length_max: int = 0) -> str:
    """The text on one line, each letter that cannot be printed as Python escapes it, cut where it is too long.

    Control characters of either kind (C0, C1), those that turn the direction of writing, and what is no letter at all
    are not printable; a byte that is not UTF-8 is shown as ``\\xff``.
    """
    if length_max and len(text) > length_max:
        text = text[: length_max - 3] + "..."
    return text if text.isprintable() else "".join(map(_escaped, text))


def page(text: str) -> str:
    """The same for several lines that are ours: line ends and tabs stay."""
    return "".join(letter if letter in "\n\t" else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    # os.fsdecode() and the readers of configuration files have an undecodable byte as one of these surrogates.
    return f"\\x{ord(letter) - 0xDC00:02x}" if "\udc80" <= letter <= "\udcff" else ascii(letter)[1:-1]
