"""Words as a shell reads them, for commands that people paste; nothing here is ever given to a shell by us."""

# Letters that no shell takes for its own.
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


def quote(text: str) -> str:
    """The text as one word for a shell."""
    if text and PLAIN.issuperset(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def quote_words(words: "list[str]") -> str:
    """The words as a shell's command line."""
    return " ".join(quote(word) for word in words)
