"""Expansion of ``$name`` in parameter values as Postfix does it (``mac_parse`` and ``mac_expand`` in its source)."""

from postfix_ha.config.logical_lines import BLANKS

TYPE_CHECKING = False
if TYPE_CHECKING:  # what typing has, without its cost
    from collections.abc import Callable

    Lookup = Callable[[str], "str | None"]

NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
ALNUM = NAME - {"_"}
DIGITS = frozenset("0123456789")
CLOSING = {"(": ")", "{": "}"}
RELATIONS = ("==", "!=", "<", "<=", ">=", ">")
OPERATOR_LETTERS = "<>!=?+-*/~&|%"

# Postfix's own limit for one expansion, and ours for what it does not limit (nested comparisons, growth).
LEVEL_MAX = 100
COMPARISON_MAX = 20
EXPANDED_MAX = 1024 * 1024
STEPS_MAX = 20_000
READ_MAX = 4 * EXPANDED_MAX
LONG_MAX = 2**63 - 1


class ExpandError(Exception):
    """A value that Postfix refuses to expand; the text says why, and never repeats anything of the value."""


class Expansion:
    """One expansion of a value; ``lookup`` gives the raw value of a name or None."""

    __slots__ = ("comparisons", "lookup", "read", "size", "steps")

    def __init__(self, lookup: "Lookup") -> None:
        self.lookup = lookup
        self.comparisons = 0
        self.read = 0
        self.steps = 0
        self.size = 0

    def text(self, value: str, level: int = 0) -> str:
        """The value with everything in it expanded, or ExpandError."""
        result: "list[str]" = []
        position = 0
        # What is read and left out again costs time too, and one value can ask for it thousands of times.
        self.read += len(value)
        if self.read > READ_MAX:
            raise ExpandError("the expanded value is unreasonably long")
        while position < len(value):
            dollar = value.find("$", position)
            if dollar != position:
                literal_end = len(value) if dollar < 0 else dollar
                self.emit(result, value[position:literal_end], level)
                position = literal_end
            elif value[position + 1 : position + 2] == "$":
                self.emit(result, "$", level)
                position += 2
            else:
                expression, position = self.reference(value, position + 1)
                result.append(self.evaluate(expression, level + 1))
        return "".join(result)

    def emit(self, result: "list[str]", literal: str, level: int) -> None:
        """Add literal text; Postfix counts it as one level of nesting like a reference."""
        self.check_level(level + 1)
        self.size += len(literal)
        if self.size > EXPANDED_MAX:
            raise ExpandError("the expanded value is unreasonably long")
        result.append(literal)

    def check_level(self, level: int) -> None:
        """Raise where the nesting is deeper than Postfix allows, or the work has no end."""
        self.steps += 1
        if level - 1 > LEVEL_MAX or self.steps > STEPS_MAX:
            raise ExpandError("unreasonable macro call nesting")

    def reference(self, value: str, position: int) -> "tuple[str, int]":
        """The text of the reference whose ``$`` is just before the position, and where it ends."""
        opening = value[position : position + 1]
        if opening in ("(", "{"):
            end = self.closing(value, position, opening)
            expression = value[position + 1 : end]
            end += 1
        else:
            end = position
            while end < len(value) and value[end] in NAME:
                end += 1
            expression = value[position:end]
        if not expression:
            raise ExpandError("empty macro name: '$' for itself is '$$'")
        return expression, end

    @staticmethod
    def closing(value: str, position: int, opening: str) -> int:
        """Where the parenthesis opened at the position is closed."""
        level = 0
        for end in range(position, len(value)):
            if value[end] == opening:
                level += 1
            elif value[end] == CLOSING[opening]:
                level -= 1
                if level == 0:
                    return end
        raise ExpandError(f"truncated macro reference: '{opening}' without its '{CLOSING[opening]}'")

    def evaluate(self, expression: str, level: int) -> str:
        """The value of what stands between ``${`` and ``}``, or after a bare ``$``."""
        self.check_level(level)
        rest = expression.lstrip(BLANKS)
        if rest[:1] == "{":
            found: "str | None"
            found, rest = self.compare(rest)
            operator, rest = rest[:1], rest[1:]
            if operator not in ("", "?", ":"):
                raise ExpandError('"?" or ":" expected after a comparison')
        else:
            name, operator, rest = self.name(rest)
            found = self.lookup(name)
        if not operator:
            return self.text(found, level) if found else ""
        result = ""
        if operator == "?":
            branch, rest = self.operand(rest)
            if found:
                result = self.text(branch, level)
            if not rest:
                return result
            if rest[0] != ":":
                raise ExpandError('":" expected after "?{...}"')
            rest = rest[1:]
        branch, rest = self.operand(rest)
        if not found:
            result = self.text(branch, level)
        if rest:
            raise ExpandError("unexpected input after the last operand of a reference")
        return result

    @staticmethod
    def name(text: str) -> "tuple[str, str, str]":
        """(name, operator, rest) of ``name``, ``name ? rest`` or ``name : rest``."""
        end = 0
        while end < len(text) and text[end] in NAME:
            end += 1
        rest = text[end:].lstrip(BLANKS)
        if rest and rest[0] not in "?:":
            raise ExpandError("attribute name syntax error: a letter that no name has")
        return text[:end], rest[:1], rest[1:]

    @staticmethod
    def operand(text: str) -> "tuple[str, str]":
        """(operand, rest): the text in braces, or where there are none, all of it."""
        stripped = text.lstrip(BLANKS)
        return braced(stripped) if stripped[:1] == "{" else (text, "")

    def compare(self, text: str) -> "tuple[str, str]":
        """("true" or "", rest) of ``{left} operator {right}`` at the beginning of the text."""
        left, rest = braced(text)
        length = 0
        while length < len(rest) and rest[length] in OPERATOR_LETTERS:
            length += 1
        relation = rest[:length]
        if relation not in RELATIONS:
            raise ExpandError("a comparison operator expected between two operands")
        rest = rest[length:]
        suffix_length = 0
        while suffix_length < len(rest) and rest[suffix_length] in ALNUM:
            suffix_length += 1
        suffix, rest = rest[:suffix_length], rest[suffix_length:].lstrip(BLANKS)
        if suffix not in ("", "level"):
            raise ExpandError("bad operator suffix: only 'level' is one")
        if rest[:1] != "{":
            raise ExpandError('"{expression}" expected at the right of a comparison operator')
        right, rest = braced(rest)
        # Postfix starts to count the nesting anew inside a comparison.
        self.comparisons += 1
        if self.comparisons > COMPARISON_MAX:
            raise ExpandError("unreasonable nesting of comparisons")
        left, right = self.text(left), self.text(right)
        self.comparisons -= 1
        difference = compare_levels(left, right) if suffix else compare_values(left, right)
        holds = {
            "==": difference == 0,
            "!=": difference != 0,
            "<": difference < 0,
            "<=": difference <= 0,
            ">=": difference >= 0,
            ">": difference > 0,
        }
        return ("true" if holds[relation] else ""), rest


def expand(value: str, lookup: "Lookup") -> str:
    """The value as ``postconf -x`` shows it; ExpandError where Postfix refuses it."""
    try:
        return Expansion(lookup).text(value)
    except RecursionError:
        raise ExpandError("unreasonable macro call nesting") from None


def braced(text: str) -> "tuple[str, str]":
    """(text inside, rest without leading blanks) of a text that begins with ``{``."""
    level = 0
    for position, letter in enumerate(text):
        if letter == "{":
            level += 1
        elif letter == "}":
            level -= 1
            if level == 0:
                return text[1:position], text[position + 1 :].lstrip(BLANKS)
    raise ExpandError("unbalanced {} in attribute expression")


def compare_values(left: str, right: str) -> int:
    """Negative, 0 or positive: as numbers where both are digits only, else as bytes."""
    if left and right and DIGITS.issuperset(left) and DIGITS.issuperset(right):
        numbers = _number(left), _number(right)
        if max(numbers) > LONG_MAX:
            raise ExpandError("bad conversion: a number that is too great")
        return numbers[0] - numbers[1]
    left_bytes, right_bytes = (side.encode("utf-8", "surrogateescape") for side in (left, right))
    return (left_bytes > right_bytes) - (left_bytes < right_bytes)


def compare_levels(left: str, right: str) -> int:
    """Compare two compatibility levels (major.minor.patch)."""
    left_level, right_level = level_numbers(left), level_numbers(right)
    return (left_level > right_level) - (left_level < right_level)


def level_numbers(text: str) -> "tuple[int, int, int]":
    """The numbers of a compatibility level; ExpandError where it is none."""
    numbers: "list[int]" = []
    for part in text.split("."):
        digits = part.lstrip(" \t\n\v\f\r")
        digits = digits[1:] if digits[:1] == "+" else digits
        if not digits or not DIGITS.issuperset(digits):
            numbers = []
            break
        numbers.append(_number(digits))
    if not numbers or len(numbers) > 3 or numbers[0] > LONG_MAX >> 20 or max(numbers[1:], default=0) > 0x3FF:
        raise ExpandError("malformed compatibility level syntax")
    major, minor, patch = (numbers + [0, 0])[:3]
    return major, minor, patch


def _number(digits: str) -> int:
    """The number, or one that is greater than any limit: Python refuses to read thousands of digits."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) < 40 else LONG_MAX + 1
