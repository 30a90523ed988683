"""Texts as nobody should write them: what names, values and numbers of hostile input are made of."""

from random import Random
from typing import Any

from hypothesis import strategies as st

NUMBERS = (
    "0", "1", "25", "-1", "-0", "+5", "00", "007", "65535", "65536", "99999", "2147483647", "2147483648", "4294967296",
    "9223372036854775808", "-9223372036854775809", "1" + "0" * 40, "9" * 400, "9" * 5000, "0" * 8 + "1" + "9" * 5000,
    "000000600999", "1_000", " 5", "5 ", "0x10",
    "1e3", "1e999", "NaN", "inf", "INFINITY", "-INFINITY", "+INFINITY", "\u0665", "\u00b2", "\uff11", "1.5", ".", "5s",
)  # fmt: skip
NASTY = (
    "", " ", "-", "--", "-oProxyCommand=touch /nonexistent/x", "--help", "-c", "a b", "a\nb", "\na", "a\r\nb", "\t",
    "\x00", "a\x00b", "\x1b[2J", "\x1b]0;x\x07", "\x7f", "\x85", "\x9b31m", "\u202eevil", "\u2066a\u2069", "\u200f",
    "\u2028", "\ufeff", "\udcff", "\udcc3\udc28", "\U0001f4a9", "\u0130", "\ufffe", "'", '"', "\\", "`id`",
    "$(id)", "$x",
    "${", "${x", "$$", "a;b", "a&b", "a|b", "<a>", "&amp;", "&x;", "]]>", "<!--", "%", "%s", "%2F", "%zz", "%n", "{}",
    "{0}", "{x", "}", "../../x", "/", "//", "/..", ".", "..", "~", "*", "?", "[", "]", "#", "=", "a=b", "!", "!!", ":",
    "a:b", "@", "\\012", "\\040", "\\777", "\\n", "(deleted)", "x (deleted)",
)  # fmt: skip
LETTERS = "abc-$\"'\\/ \n<>&%"


def number() -> "st.SearchStrategy[str]":
    """What stands where a number should."""
    return st.sampled_from(NUMBERS)


def mostly(*usual: str, missing: int = 0) -> "st.SearchStrategy[Any]":
    """Mostly one of these; else something that does not belong there, a huge one at times; None in ``missing`` of 100.

    One number is drawn for all of it: whole documents are made of these, and each draw costs.
    """
    return st.integers(0, 1 << 40).map(lambda seed: some(Random(seed), usual, missing))


def some(random: Random, usual: "tuple[str, ...]", missing: int = 0) -> "str | None":
    """One text as mostly() gives them."""
    if random.randrange(100) < missing:
        return None
    if usual and random.randrange(10) < 8:
        return random.choice(usual)
    form = random.randrange(9)
    if form < 3:
        return random.choice(NASTY)
    if form < 5:
        return random.choice(NUMBERS)
    if form == 5:
        return random.choice(usual or ("a",)) + random.choice(NASTY)
    if form == 6:
        return random.choice(NASTY[1:]) * random.choice((50, 3000))
    letters = (random.choice((0x80, 0xA0, 0x3000, 0x110000)) for _ in range(random.randrange(12)))
    return "".join(
        random.choice((chr(random.randrange(most)), random.choice("abc-$\"'\\/ \n<>&%"))) for most in letters
    )


def pick(*weighted: "tuple[int, st.SearchStrategy[Any]]") -> "st.SearchStrategy[Any]":
    """One of the strategies, each as often as its weight says."""
    of_each = [strategy for weight, strategy in weighted for _ in range(weight)]
    return st.integers(0, len(of_each) - 1).flatmap(lambda at: of_each[at])


def encoded(text: str) -> bytes:
    """The bytes of a text; what UTF-8 cannot hold passes as it is."""
    return text.encode("utf-8", "surrogatepass")


SNIPPETS = (
    b"\0", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\x1b[31m", b"\r", b"\n", b"\n ", b"\t", b" ", b"%", b"%41",
    b"-", b"$",
    b"${", b"}", b"{", b"(", b"<", b"&", b'"', b"9" * 30, b"\xe2\x80\xae", b"\xc2\x85", b"=", b"#",
)  # fmt: skip


@st.composite
def mutated(draw: "st.DrawFn", base: "st.SearchStrategy[bytes]", grown_max: int = 1 << 17) -> bytes:
    """Mostly what the base gives; else with some bytes changed, taken out, doubled, or one piece many times over."""
    data = draw(base)
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 1, 2, 4)))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from((0, 0, 1, 1, 2, 8, 60)))
        act = draw(st.integers(0, 9))
        piece = data[at : at + length]
        if act < 5:
            data = data[:at] + draw(st.sampled_from(SNIPPETS)) + data[at + length :]
        elif act < 7:
            data = data[:at] + data[at + length :]
        elif act < 9:
            data = data[:at] + draw(st.binary(max_size=4)) + data[at + length :]
        elif piece:
            times = draw(st.sampled_from((10, 200, 5000, grown_max))) // len(piece) + 1
            data = data[:at] + piece * times + data[at + length :]
    return data
