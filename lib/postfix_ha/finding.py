"""Finding: what a check found. It imports nothing: what speaks of findings lies below what judges them."""


class Finding:
    """What one check found: the check's id and the values that its sentence in the catalogue names."""

    __slots__ = ("check", "values")

    def __init__(self, check: str, **values: object) -> None:
        self.check = check
        self.values = values

    def __repr__(self) -> str:
        return f"Finding({self.check!r}, {self.values!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Finding) and (self.check, self.values) == (other.check, other.values)

    def __hash__(self) -> int:
        return hash(self.check)
