"""Pair: the facts of this node beside those of a peer."""

from postfix_ha.peers.remote import Facts, Remote

SHOWN = 400


class Pair:
    """The facts of this node and of a peer, and the way there."""

    __slots__ = ("here", "remote", "there")

    def __init__(self, here: Facts, there: Facts, remote: Remote) -> None:
        self.here = here
        self.there = there
        self.remote = remote

    @property
    def node(self) -> str:
        """This node's name."""
        return str(self.here["node"])

    @property
    def config_dir(self) -> str:
        """The instance's configuration directory."""
        return str(self.here["config_dir"])

    @property
    def names(self) -> "dict[str, object]":
        """Both names, as the sentences have them."""
        return {"node": self.node, "peer": self.remote.node}

    def both(self, *keys: str) -> "tuple[object, object]":
        """The same fact of this node and of the peer; None where it is missing."""
        return dig(self.here, *keys), dig(self.there, *keys)


def dig(facts: object, *keys: str) -> object:
    """What lies under the keys, None where nothing does."""
    for key in keys:
        if not isinstance(facts, dict):
            return None
        facts = facts.get(key)
    return facts


def texts(facts: object) -> "list[str]":
    """The texts in a list, of which nothing else is believed."""
    return [item for item in facts if isinstance(item, str)] if isinstance(facts, list) else []


def mapping(facts: object) -> "dict[str, str]":
    """The texts in an object."""
    pairs = facts.items() if isinstance(facts, dict) else ()
    return {str(name): value for name, value in pairs if isinstance(value, str)}


def objects(facts: object) -> "list[dict[str, object]]":
    """The objects in a list."""
    return [item for item in facts if isinstance(item, dict)] if isinstance(facts, list) else []


def shown(value: "str | None") -> str:
    """A value as a difference shows it."""
    if value is None:
        return "(not there)"
    if not value:
        return "(empty)"
    return value if len(value) <= SHOWN else value[:SHOWN] + "..."
