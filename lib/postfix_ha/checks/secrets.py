"""What is not for everybody's eyes in a configuration, and how it is compared without being shown."""

from postfix_ha.config.logical_lines import split_words

HIDDEN = "(hidden)"
NAMES = ("password", "passwd", "passphrase", "secret")
NAME_ENDS = ("_pw", "_pass")
# Types of table that hold their content in the value itself.
INLINE = ("static:", "inline:", "proxy:static:", "proxy:inline:", "randmap:")
OPEN_WORDS = ("yes", "no", "none", "may", "always", "never")


def is_secret(name: str, value: str) -> bool:
    """Whether the value tells a secret itself, and not only the file or table that holds it."""
    lowered = name.lower()
    if lowered.endswith(("sasl_password_maps", "sni_maps")) and any(part in value for part in INLINE):
        return True
    if not any(part in lowered for part in NAMES) and not lowered.endswith(NAME_ENDS):
        return False
    words = split_words(value)
    return any(part in value for part in INLINE) or not all(map(_is_open, words))


def _is_open(word: str) -> bool:
    _, colon, rest = word.partition(":")
    return word.startswith(("/", "$")) or word in OPEN_WORDS or word.isdigit() or bool(colon and rest.startswith("/"))


class Hider:
    """Hides secrets; ``digests`` lets two nodes that were given the same salt compare them.

    ``known`` are the secret values themselves: another parameter that refers to one repeats it when it is expanded.
    """

    def __init__(self, salt: str, settings: "dict[str, str]") -> None:
        self.salt = salt
        self.digests: "dict[str, str]" = {}
        self.known = sorted(
            (value for name, value in settings.items() if is_secret(name, value)), key=len, reverse=True
        )

    def value(self, name: str, value: str) -> str:
        """The value, or what may be shown of it; the digest of what is hidden is kept under the name."""
        shown = HIDDEN if is_secret(name.rpartition(":")[2], value) else value
        for secret in self.known:
            shown = shown.replace(secret, HIDDEN)
        if shown != value:
            self.digests[name] = self.digest(value.encode("utf-8", "surrogateescape"))
        return shown

    def digest(self, data: bytes) -> str:
        """A digest that tells nothing to who has not the salt."""
        import hashlib
        import hmac

        return hmac.new(self.salt.encode(), data, hashlib.sha256).hexdigest()[:32]
