"""The digest of a file's content that tells nothing to who has not the salt, made piece by piece."""


class Digester:
    """The same as Hider.digest() gives for the whole."""

    def __init__(self, salt: str) -> None:
        import hashlib
        import hmac

        self._state = hmac.new(salt.encode("utf-8", "surrogateescape"), digestmod=hashlib.sha256)

    def take(self, data: bytes) -> None:
        """Take the next piece."""
        self._state.update(data)

    @property
    def text(self) -> str:
        """The digest of all that was taken."""
        return self._state.hexdigest()[:32]
