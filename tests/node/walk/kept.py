"""Walks that broke a promise once, and what was wrong: ci/test takes each of them again."""

KEPT: "dict[str, tuple[str, ...]]" = {
    # reload answered 0, and master ended a moment later: it reads master.cf again, and binds what is new there.
    "reload brings an address that is away": ("start", "break master.cf address", "reload", "monitor 0", "monitor 10"),
    # postfix reload finds the master by its pid file alone: it failed, or would have signalled whom that file named.
    "reload without its pid file": ("start", "replace pid file", "reload", "lose pid file", "reload"),
    # Level 0 said that master did not listen on 0.0.0.0:25: without a snapshot it took today's file for what had been
    # read, as none of its addresses was among those that master listens on.
    "other addresses, no record": ("start", "break main.cf empty", "lose snapshot", "monitor 0", "probe", "monitor 10"),
    # The same where an edit looks old: a copy from a backup keeps its times.
    "a new service from a backup": (
        "postfix start",
        "monitor 0",
        "edit service",
        "lose snapshot",
        "monitor 0",
        "probe",
    ),
    # Whoever logs waits for a postlogd that is frozen: the third client was called a slow one.
    "nobody takes the log": (*("start", "freeze postlogd", "monitor 10", "monitor 10", "monitor 10", "start"),),
}
