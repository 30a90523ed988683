"""Random main.cf and master.cf files, near enough to real ones to be read, and odd enough to be read differently.

Written against ``random.Random``, so that hypothesis can steer (and shrink) the choices, and so that a plain seeded
generator can make tens of thousands of files in seconds.
"""

from random import Random

# Parameters that postconf knows and that have no side effect on what else it shows.
KNOWN_NAMES = (
    "alias_maps",
    "biff",
    "bounce_template_file",
    "canonical_maps",
    "debug_peer_list",
    "fallback_transport",
    "html_directory",
    "inet_protocols",
    "luser_relay",
    "mail_name",
    "mailq_path",
    "message_size_limit",
    "mydestination",
    "myorigin",
    "notify_classes",
    "process_id_directory",
    "queue_directory",
    "queue_minfree",
    "relayhost",
    "smtpd_banner",
    "syslog_name",
)
OTHER_NAMES = ("foo", "bar", "x_1", "A", "_", "7", "foo-bar", "foo.bar", "größe", "a$b", "{c}", "caf\udce9")
SPACES = (" ", "  ", "\t", "\r", "\v", "\f", " \t ", "")
WORDS = (
    "a",
    "b c",
    "hash:/etc/x",
    "127.0.0.1",
    "[::1]",
    "10",
    "9",
    "010",
    "3.6",
    "3.10",
    "yes",
    "no",
    "=",
    "#",
    "# x",
    "$$",
    "$$$$",
    "{",
    "}",
    "{x}",
    "{ x y }",
    "(",
    ")",
    "?",
    ":",
    ",",
    "\\",
    '"',
    "'",
    "ü",
    "\u00a0",
    "\u2028",
    "\x85",
    "\udcff",
    "\x01",
    "\x1b",
    "\x7f",
    "99999999999999999999",
)
RELATIONS = ("==", "!=", "<", "<=", ">=", ">", "==level", "!=level", "<level", ">=level", "=", "=>", "~", "", "<x")


def reference(random: Random, depth: int) -> str:
    """One ``$`` expression, right or wrong."""
    name = random.choice(KNOWN_NAMES + OTHER_NAMES[:6] + ("", "nosuch"))
    space, space2 = random.choice(("", "", "", " ", "\t")), random.choice(("", "", "", " "))
    form = random.randrange(14)
    if form < 3:
        return f"${name}"
    if form == 3:
        return f"${{{space}{name}{space2}}}"
    if form == 4:
        return f"$({name})"
    if form == 5:
        return f"${{{name}{space}?{text(random, depth + 1)}}}"
    if form == 6:
        return f"${{{name}{space}:{text(random, depth + 1)}}}"
    if form == 7:
        return f"${{{name}?{space}{{{text(random, depth + 1)}}}{space2}:{space}{{{text(random, depth + 1)}}}}}"
    if form == 8:
        return f"${{{name}?{{{text(random, depth + 1)}}}{space}:{text(random, depth + 1)}}}"
    if form in (9, 10, 11):
        left, right = text(random, depth + 1), text(random, depth + 1)
        if random.randrange(3) == 0:
            left, right = (
                random.choice(("1", "10", "3.6", "3.10", "$queue_minfree")),
                random.choice(("9", "3.6.1", "10")),
            )
        tail = random.choice(
            ("", f"?{{{text(random, depth + 1)}}}", f"?{{{left}}}:{{{right}}}", f":{right}", f"?{left}", " x", "?{a}b")
        )
        relation = random.choice(RELATIONS[: random.choice((6, 10, len(RELATIONS)))])
        return f"${{{space}{{{left}}}{space2}{relation}{space}{{{right}}}{space2}{tail}}}"
    if form == 12:
        return random.choice(("$", "${", "$(", "${}", "$()", "${a", "$ ", "${?a}", "${:a}", "${a b}", "${a-b}", "$-"))
    return f"${{{name}?{text(random, depth + 1)}"


def text(random: Random, depth: int = 0) -> str:
    """Some words and references."""
    parts = []
    for _ in range(random.randrange(4) if depth < 4 else 0):
        parts.append(reference(random, depth) if random.randrange(4) == 0 else random.choice(WORDS))
        parts.append(random.choice(SPACES))
    return "".join(parts)


def line_end(random: Random) -> str:
    """A line's end, at times with what may stand before the next text."""
    return random.choice(("\n", "\n", "\n", "\n", "\n", "\r\n", "\n\n", "\n \n", "\n#c\n", "\n  # c = d\n", "\n\t\n"))


def main_cf(random: Random) -> bytes:
    """A main.cf."""
    parts = [random.choice(("", "", "", "", "", "", "\ufeff", " ", "\n", "# x\n", "  foo = bar\n", "\t# x\n", "\r\n"))]
    for _ in range(random.randrange(1, 7)):
        form = random.randrange(40)
        name = random.choice(KNOWN_NAMES if random.randrange(4) else OTHER_NAMES)
        parts.append(name if form else "")
        parts.append(random.choice(SPACES[:3] + (" ", "", " ") if form > 2 else SPACES))
        parts.append("=" if form != 3 else random.choice(("", "==", ":", "\0=", "\n =")))
        parts.append(random.choice(SPACES[:3] + (" ", " ", " ") if form > 4 else SPACES))
        parts.append(text(random))
        for _ in range(random.choice((0, 0, 0, 1, 2))):
            parts.append(line_end(random))
            parts.append(random.choice((" ", "\t", "  ", "\v", "\f", "\r")))
            parts.append(text(random))
        if form == 5:
            parts.append("\0" + text(random))
        parts.append(line_end(random))
    if random.randrange(5) == 0:
        parts[-1] = random.choice(("", " ", "\r", "\\"))
    return encode(random, "".join(parts))


SERVICE_NAMES = (
    "smtp",
    "25",
    "smtps",
    "127.0.0.1:26",
    "[::1]:smtp",
    "pickup",
    "a-very-long-service-name",
    "x{y z}",
    "#z",
)
TYPES = ("inet", "unix", "fifo", "pass", "unix-dgram", "unix", "inet", "INET", "tcp", "{unix}")
BOOLEANS = ("-", "n", "y", "-", "n", "y", "-", "n", "y", "-", "n", "y", "x", "yn", "Y")
WAKEUPS = ("-", "0", "60", "60?", "-", "-", "1000?", "?", "-?", "1m", "6 0", "--", "0x1")
LIMITS = ("-", "0", "1", "50", "-", "-", "?", "1?", "-1", "01")
COMMANDS = ("smtpd", "postscreen", "pipe", "/usr/lib/x/smtpd", "{smtpd -v}", "-", "lib/smtpd")
WILD_BLANKS = (" ", " ", " ", "\t", "  ", " \r", "\n ", "\n#c\n\t", "\n\n ", "\v")
# No lone "-": postconf then looks at the byte behind that word's end, and what it shows is left to chance.
OPTIONS = (
    "-v",
    "-vv",
    "-D",
    "-o",
    "-vo",
    "-ofoo=bar",
    "-o{foo=bar}",
    "--",
    "foo=bar",
    "bar=",
    "=x",
    "{ foo = bar baz }",
    "{foo=bar}x",
    "{foo",
    "foo}",
    "{}",
    "{ }",
    "{{ a b }}",
    "{ foo }",
    "smtpd_tls_wrappermode=yes",
    "argv=/bin/x",
    "{x = $foo}",
    "x=${foo?{a b}:{c}}",
    "a\u00a0b",
    "caf\udce9",
    "\v",
    "a\vb",
    "\x01",
    "$",
    "${a",
)


def master_cf(random: Random) -> bytes:
    """A master.cf."""
    parts = [random.choice(("", "", "", "", "", "", "\ufeff", "\n", "# x\n", "  foo inet\n", "\t# x\n", "\r\n"))]

    def some(choices: "tuple[str, ...]", sure: int) -> str:
        return random.choice(choices if random.randrange(20) == 0 else choices[:sure])

    def blank() -> str:
        return random.choice(
            (" ", " ", " ", "\t", "  ", " \r", "\n ", "\n#c\n\t", "\n\n ", "\v") if wild else (" ", "\t")
        )

    for _ in range(random.randrange(1, 6)):
        wild = random.randrange(5) == 0
        fields = [some(SERVICE_NAMES, 7), some(TYPES, 7)]
        fields += [some(BOOLEANS, 12) for _ in range(3)]
        fields += [some(WAKEUPS, 7), some(LIMITS, 6), some(COMMANDS, 4)]
        while random.randrange(3):
            fields += ["-o", random.choice(OPTIONS)] if random.randrange(2) else [random.choice(OPTIONS)]
        if random.randrange(25) == 0:
            del fields[random.randrange(8)]
        parts.append("".join(part for field in fields for part in (field, blank())))
        if random.randrange(30) == 0:
            parts.append("\0" + random.choice(OPTIONS))
        parts.append(line_end(random))
    if random.randrange(5) == 0:
        parts[-1] = random.choice(("", " ", "\r", "\\"))
    return encode(random, "".join(parts))


def raw_bytes(random: Random) -> bytes:
    """Bytes without any sense, but rich in what the grammar looks for."""
    letters = b"\0\n\r\t \v\f#={}()$?:<>!-a1_\xff\xc3\xa9\xef\xbb\xbf\\,o"
    return bytes(random.choice(letters) for _ in range(random.randrange(200)))


def encode(random: Random, content: str) -> bytes:
    """The bytes of a file, at times with CR LF throughout."""
    if random.randrange(12) == 0:
        content = content.replace("\n", "\r\n")
    return content.encode("utf-8", "surrogateescape")
