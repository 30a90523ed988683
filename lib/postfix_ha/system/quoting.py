"""Words as a shell reads them, for commands that people paste; nothing here is ever given to a shell by us."""

import os
import shlex


def quote(text: str) -> str:
    """The text as one word for a shell, on one line and printable whatever is in it.

    What cannot be printed is left to printf(1), which every shell has, as dash knows no $'...'. A word that ends with a
    line end needs quote_words(): a substitution loses it.
    """
    return shlex.quote(text) if text.isprintable() else f'"$(printf {shlex.quote(_as_format(text))})"'


def quote_words(words: "list[str]") -> str:
    """The words as a shell's command line, in one line."""
    if any(word.endswith("\n") for word in words):
        return f"eval {quote(' '.join(map(shlex.quote, words)))}"
    return " ".join(map(quote, words))


def _as_format(text: str) -> str:
    """The text as printf's format, of which each unprintable byte is an octal escape."""
    formatted = "".join(map(_formatted, text))
    return "\\055" + formatted[1:] if formatted.startswith("-") else formatted  # else an option of printf


def _formatted(letter: str) -> str:
    if letter in "%\\":
        return "%%" if letter == "%" else "\\\\"
    return letter if letter.isprintable() else "".join(f"\\{byte:03o}" for byte in os.fsencode(letter))
