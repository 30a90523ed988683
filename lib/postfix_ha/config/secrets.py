"""What in a configuration tells a secret: by the parameter's name, the value's form, and by what refers to it."""

import re

from postfix_ha.config.expand import ExpandError, expand
from postfix_ha.config.logical_lines import split_words
from postfix_ha.whole_number import whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HIDDEN = "(hidden)"
NAMES = ("password", "passwd", "passphrase", "secret", "credential", "token", "apikey", "api_key")
NAME_ENDS = ("_pw", "_pass")
MAP_ENDS = ("sasl_password_maps", "sni_maps")
# How a result is put together, which Postfix's map parameters have beside a password's.
FORM_ENDS = ("_delimiter", "_format", "_filter", "_query", "_attribute", "_limit", "_timeout")
# Types of table that hold their content in the value itself.
INLINE = ("static:", "inline:", "randmap:", "regexp:{", "pcre:{")
OPEN_WORDS = ("yes", "no", "none", "may", "always", "never")
# Fewer letters and digits than this are no secret: a delimiter, a format.
LETTERS_MIN = 4
# A secret that is as long as this, or made of parts, is one wherever it stands; a shorter one may be any word.
TELLING_MIN = 8
# What two texts share by chance is shorter.
FRAGMENT_MIN = 5

REFERENCE = re.compile(r"\$(?:\{\s*|\(\s*)?([A-Za-z0-9_]+)")
REFERENCES_ALONE = re.compile(r"(?:\$(?:[A-Za-z0-9_]+|\{[A-Za-z0-9_]+\}|\([A-Za-z0-9_]+\)))+")
# user:password@ in a URL, and NAME=VALUE where the name is a secret's, as import_environment and argv= have it.
IN_URL = re.compile(r"(://[^/@\s:]*:)[^/@\s]+(@)")
ASSIGNED = re.compile(
    r"(?i)(^|[\s,{;&?])(-{0,2}[A-Z0-9_-]*(?:password|passwd|passphrase|secret|credential|token|api_?key|_pw|_pass)=)([^\s,;&}]+)"
)


def is_secret_name(name: str) -> bool:
    """Whether a parameter, an option or a variable of this name is for a secret."""
    lowered = name.lower().replace("-", "_")
    return any(part in lowered for part in NAMES) or lowered.endswith(NAME_ENDS)


def is_secret(name: str, value: str) -> bool:
    """Whether the value tells a secret itself, and not only the file, the table or the parameter that holds it."""
    lowered = name.lower()
    if lowered.endswith(MAP_ENDS) and any(part in value for part in INLINE):
        return True
    if not is_secret_name(name) or lowered.endswith(FORM_ENDS) or sum(map(str.isalnum, value)) < LETTERS_MIN:
        return False
    return any(part in value for part in INLINE) or not all(_is_open(lowered, word) for word in split_words(value))


def _is_open(name: str, word: str) -> bool:
    _, colon, rest = word.partition(":")
    is_number = whole_number(word) is not None and not name.endswith(
        (*NAMES, *NAME_ENDS)
    )  # a limit of them, and no password
    names_file = word.startswith("/") or bool(colon and rest.startswith("/"))
    return names_file or word in OPEN_WORDS or is_number or REFERENCES_ALONE.fullmatch(word) is not None


def hide_parts(text: str) -> str:
    """The text without the passwords of URLs and the values of variables that bear a secret's name."""
    text = IN_URL.sub(rf"\1{HIDDEN}\2", text) if "://" in text else text
    return ASSIGNED.sub(_hide_assigned, text) if "=" in text else text


def _hide_assigned(found: "re.Match[str]") -> str:
    before, name, value = found.groups()
    return before + name + (HIDDEN if is_secret(name.strip("-="), value) else value)


class Secrets:
    """The secrets of one configuration.

    ``values`` are expanded values, ``raw`` what main.cf sets, ``options`` what services set by ``-o``; ``is_own`` tells
    of a parameter that it is the administrator's own and not one of Postfix's. ``names`` are the parameters that tell a
    secret, by themselves or because one that does refers to them.
    """

    def __init__(
        self,
        values: "dict[str, str]",
        raw: "dict[str, str] | None" = None,
        options: "Iterable[tuple[str, str]]" = (),
        is_own: "Callable[[str], bool]" = lambda name: True,
    ) -> None:
        self.raw = raw if raw is not None else {}
        self.values = {**self.raw, **values}
        # A service's own parameters are seen by that service alone; here each may be meant by any.
        self.own: "dict[str, list[str]]" = {}
        for name, value in options:
            self.own.setdefault(name, []).append(value)
        self.names = {name for name, value in self.values.items() if is_secret(name, value)}
        self.names |= {name for name, value in self.raw.items() if is_secret(name, value)}
        texts = [(name, self.raw.get(name, self.values[name])) for name in self.names]
        own = [(name, value) for name, found in self.own.items() for value in found]
        referring = [(name, value) for name, value in [*self.raw.items(), *own] if "$" in value]
        texts += [(name, value) for name, value in referring if is_secret(name, self.expanded(value))]
        for _, text in texts:
            self._follow(text, is_own)
        self.known = sorted({text for text in self._texts(texts) if self._is_telling(text)}, key=len, reverse=True)

    def _follow(self, text: str, is_own: "Callable[[str], bool]") -> None:
        """Note the names that a secret's text refers to, whatever they are called."""
        left = REFERENCE.findall(text)
        while left:
            name = left.pop()
            defined = [value for value in (self._raw(name), *self.own.get(name, ())) if value]
            if name in self.names or not defined or not is_own(name):
                continue
            self.names.add(name)
            left += [other for value in defined for other in REFERENCE.findall(value)]

    def _texts(self, texts: "list[tuple[str, str]]") -> "list[str]":
        found = [text for _, text in texts] + [self.expanded(text) for _, text in texts]
        for name in self.names:
            found += [self.values.get(name, ""), self.raw.get(name, ""), *self.own.get(name, ())]
        return [text for text in found if not all(_is_open("", word) for word in split_words(text))]

    @staticmethod
    def _is_telling(text: str) -> bool:
        letters = sum(map(str.isalnum, text))
        is_made_of_parts = any(part in text for part in INLINE)
        return letters >= TELLING_MIN or (letters >= LETTERS_MIN and is_made_of_parts)

    def _raw(self, name: str) -> "str | None":
        own = self.own.get(name)
        return self.raw.get(name, self.values.get(name)) or (own[0] if own else None)

    def expanded(self, text: str) -> str:
        """The text with what it refers to; as it stands where Postfix refuses it."""
        try:
            return expand(text, self._raw) if "$" in text else text
        except ExpandError:
            return text

    def refers(self, text: str) -> bool:
        """Whether a text refers to a parameter that tells a secret, by however many steps."""
        seen: "set[str]" = set()
        left = set(REFERENCE.findall(text))
        while left:
            if left & self.names:
                return True
            seen |= left
            left = {other for name in left for other in REFERENCE.findall(self._raw(name) or "")} - seen
        return False

    def hides(self, name: str, value: str) -> bool:
        """Whether a parameter's value is to be hidden as a whole."""
        if is_secret(name, value):
            return True
        # What only refers, names a file, or is a letter or two tells nothing, whatever the name.
        is_open = all(_is_open("", word) for word in split_words(value))
        return name in self.names and not is_open and sum(map(str.isalnum, value)) > 1

    def shown(self, name: str, value: str) -> str:
        """What may be shown of a parameter's value."""
        if self.hides(name, value):
            return HIDDEN
        for referred in REFERENCE.findall(self.raw.get(name, "")):
            secret = self.values.get(referred, "") if referred in self.names else ""
            value = value.replace(secret, HIDDEN) if secret else value
        return self.text(value)

    def text(self, text: str) -> str:
        """A text of whatever kind without the secrets that stand in it as words."""
        for secret in self.known:
            if secret in text:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", lambda _: HIDDEN, text)
        return hide_parts(text)

    def complaint(self, text: str) -> str:
        """What a program said of the configuration, without any part of a secret that it repeats."""
        for secret in {word for name in self.names for word in self._closed_words(name)}:
            text = _without_fragments(text, secret)
        return self.text(text)

    def _closed_words(self, name: str) -> "list[str]":
        words = split_words(" ".join([self.raw.get(name, ""), self.values.get(name, ""), *self.own.get(name, ())]))
        return [word for word in words if not _is_open(name, word)]


def _without_fragments(text: str, secret: str) -> str:
    """The text without what it has in common with the secret."""
    at = 0
    while at + FRAGMENT_MIN <= len(text):
        if text[at : at + FRAGMENT_MIN] not in secret:
            at += 1
            continue
        end = at + FRAGMENT_MIN
        while end < len(text) and text[at : end + 1] in secret:
            end += 1
        text = text[:at] + HIDDEN + text[end:]
        at += len(HIDDEN)
    return text
