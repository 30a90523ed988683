"""Words as a shell reads them, for commands that people paste; nothing here is ever given to a shell by us."""

import shlex


def quote(text: str) -> str:
    """The text as one word for a shell."""
    return shlex.quote(text)


def quote_words(words: "list[str]") -> str:
    """The words as a shell's command line."""
    return shlex.join(words)
