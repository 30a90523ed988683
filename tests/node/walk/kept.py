"""Walks that broke a promise once, and what was wrong: ci/test takes each of them again."""

KEPT: "dict[str, tuple[str, ...]]" = {
    # reload answered 0, and master ended a moment later: it reads master.cf again, and binds what is new there.
    "reload brings an address that is away": ("start", "break master.cf address", "reload", "monitor 0", "monitor 10"),
    "reload brings a broken line": ("start", "break master.cf line", "reload", "monitor 0", "mend all", "reload"),
}
