"""What is not for everybody's eyes in a configuration: hidden in what is shown, and compared without being shown."""

from postfix_ha.config.logical_lines import split_name_value, unbrace
from postfix_ha.config.master_cf import MasterRow
from postfix_ha.config.secrets import HIDDEN, INLINE, Secrets, is_secret, is_secret_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["HIDDEN", "Hider", "is_secret"]
NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class Hider:
    """Hides secrets; ``digests`` lets two nodes that were given the same salt compare them.

    ``settings`` are the expanded values, the others as Secrets has them.
    """

    def __init__(
        self,
        salt: str,
        settings: "dict[str, str]",
        raw: "dict[str, str] | None" = None,
        rows: "Iterable[MasterRow]" = (),
        is_own: "Callable[[str], bool]" = lambda name: True,
    ) -> None:
        self.salt = salt
        self.digests: "dict[str, str]" = {}
        options = [pair for row in rows for pair in row.options.items()]
        self.secrets = Secrets(settings, raw, options, is_own)

    def value(self, name: str, value: str) -> str:
        """The value, or what may be shown of it; the digest of what is hidden is kept under the name."""
        return self._kept(name, value, self.secrets.shown(name.rpartition(":")[2], value))

    def row(self, row: MasterRow) -> str:
        """A row of master.cf as ``postconf -M`` has it, without its secrets."""
        words: "list[str]" = []
        awaits = ""  # the secret's name whose value is still to come
        for at, word in enumerate(row.words):
            bare = unbrace(word)[0] if word.startswith("{") else word
            service = f"{row.name}/{row.type}"
            if awaits and not (bare.startswith("-") or (bare != "=" and _names_another(bare))):
                words.append(self._kept(f"{service}:{awaits}#{at}", word, HIDDEN))
                continue
            name, shown = self._word(bare)
            awaits = name if is_secret_name(name) and bare.strip("-") == name else ""
            words.append(self._kept(f"{service}:{name}#{at}" if name in row.options else f"{service}:#{at}", word,
                                    word if shown == bare else shown))  # fmt: skip
        return str(MasterRow([*row.fields, *words], row.line))

    def _word(self, bare: str) -> "tuple[str, str]":
        """(name, what may be shown) of one argument: NAME=VALUE, with its option before it or not, or anything else."""
        option = "-o" if bare.startswith("-o") and "=" in bare else ""
        name, value, wrong = split_name_value(bare[len(option) :])
        stripped = name.lstrip("-")
        if not wrong and NAME_LETTERS.issuperset(name):
            shown = self.secrets.shown(stripped, value)
            return stripped, bare if shown == value else f"{option}{name}={shown}"
        end = next((at for at, letter in enumerate(bare) if letter not in NAME_LETTERS), len(bare))
        is_told = any(part in bare for part in INLINE) or (end < len(bare) and is_secret_name(bare[:end]))
        return bare[:end].lstrip("-"), bare[:end] + HIDDEN if is_told else self.secrets.text(bare)

    def text(self, text: str) -> str:
        """A text of whatever kind without the secrets in it."""
        return self.secrets.text(text)

    def _kept(self, name: str, value: str, shown: str) -> str:
        if shown != value:
            self.digests[name] = self.digest(value.encode("utf-8", "surrogateescape"))
        return shown

    def digest(self, data: bytes) -> str:
        """A digest that tells nothing to who has not the salt."""
        import hashlib
        import hmac

        return hmac.new(self.salt.encode("utf-8", "surrogateescape"), data, hashlib.sha256).hexdigest()[:32]


def _names_another(word: str) -> bool:
    """Whether a word is a setting of its own, so that the value before it was left out."""
    name, equals, _ = word.partition("=")
    return bool(equals and name) and NAME_LETTERS.issuperset(name)
