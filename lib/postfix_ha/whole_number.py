"""Whole numbers that others wrote: what is none, and what is too long to be one, is told before it is read."""

INT_MAX = 2**31 - 1


def whole_number(text: str, most: int = INT_MAX) -> "int | None":
    """The number that these ASCII digits are, ``most`` where it is greater; None for any other text.

    isdigit() alone is true of digits that int() does not read ("²"), and int() refuses more than 4300 of them.
    """
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    return most if len(digits) > len(str(most)) else min(int(digits), most)
