"""Option: a word of a command line that is meant to be an option, and not a name that only looks like one."""


class Option(str):
    """A word that is meant to be an option."""

    __slots__ = ()
