"""main.cf and master.cf: never an exception, time and memory as the file is long, and no secret in what is told."""

import functools
import os
import tempfile
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from postfix_ha.checks.startup.parameter_values import Values
from postfix_ha.config.discover import USUAL_DEFAULTS, discover, instance_directories, row_settings
from postfix_ha.config.endpoints import find_endpoints
from postfix_ha.config.expand import ExpandError
from postfix_ha.config.main_cf import MainCf, parse_main_cf
from postfix_ha.config.master_cf import MasterCf, parse_master_cf
from postfix_ha.messages.statement import Statement
from tests.property import config_generator
from tests.property.fuzz.target import Broken, Target
from tests.property.fuzz.texts import encoded, mostly, mutated, number, pick

# Stands in values that are secret by their name; nothing that is told may hold it.
SECRET = "S3cr3tM4rk"
NAMES = (*config_generator.KNOWN_NAMES, "inet_interfaces", "known_tcp_ports", "master_service_disable", "a", "b", "c")
SECRET_NAMES = ("smtp_sasl_password_maps", "smtpd_sasl_secret", "ldap_bind_pw", "mysql_password", "my_passphrase")
SECRET_VALUES = ("static:user:{}", "inline:{{[h]:25=u:{}}}", "{}", "${{broken {}", "static:u:{} ${{", "${{x? {}}} }}{{")
EXPANDED_AT_ONCE = 40


@functools.cache
def directory() -> Path:
    """Where the files of one fuzzer lie, in memory where that can be."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    made = tempfile.TemporaryDirectory(dir=shared)
    directory_kept.append(made)
    return Path(made.name)


directory_kept: "list[tempfile.TemporaryDirectory[str]]" = []


def of_seed(kind: "object") -> "st.SearchStrategy[bytes]":
    """What the generator that is held against postconf makes, from a number."""
    return st.integers(0, 2**32).map(lambda seed: kind(Random(seed)))  # type: ignore[operator]


def nested(depth: int, opening: str, closing: str) -> str:
    return opening * depth + closing * depth


DEEP = st.builds(
    nested,
    st.sampled_from((5, 99, 101, 1200, 20000)),
    st.sampled_from(("${a?", "${a:{", "${{", "$(", "{", "${{$a}=={")),
    st.sampled_from(("}", "}}", ")", "", "}==x}")),
)
REFERENCE = st.sampled_from(NAMES).flatmap(
    lambda name: st.sampled_from(
        (f"${name}", f"${{{name}}}", f"${{{name}?{{$a}}:{{$b}}}}", f"$({name})", f"${name}" * 60)
    )
)
LONG = st.builds(
    lambda word, times: word * times, mostly("x", "$a ", "{", "127.0.0.1, "), st.sampled_from((500, 20000))
)
COMPARISON = st.builds(
    lambda left, relation, right: f"${{{{{left}}} {relation} {{{right}}}?{{a}}:{{b}}}}",
    number(),
    st.sampled_from(("==", "<", ">=level", "!=", "<level", "~")),
    number(),
)
VALUE = pick(
    (5, mostly("all", "127.0.0.1", "yes", "10", "smtp=25", "$a$b", "${a?x}", "!inet", "/var/spool/postfix")),
    (3, st.lists(st.one_of(REFERENCE, mostly("a", "=", "$$")), max_size=6).map("".join)),
    (1, DEEP),
    (1, LONG),
    (1, number()),
    (1, COMPARISON),
    (1, st.builds(lambda name, port: f"{name}={port}", mostly("smtp", "lmtp=smtp"), number())),
)


@st.composite
def main_lines(draw: "st.DrawFn") -> bytes:
    """A main.cf of definitions that refer to each other, with secrets among them."""
    lines = []
    for name, value in draw(st.lists(st.tuples(mostly(*NAMES), VALUE), max_size=8)):
        lines.append(f"{name} = {value}")
    for name, form in draw(
        st.lists(st.tuples(st.sampled_from(SECRET_NAMES), st.sampled_from(SECRET_VALUES)), max_size=2)
    ):
        lines.append(f"{name} = {form.format(SECRET)}")
    if draw(st.integers(0, 9)) == 0:  # each doubles the next: a billion laughs
        lines += [f"a{at} = $a{at + 1}$a{at + 1}" for at in range(draw(st.sampled_from((5, 40, 90))))]
    return encoded("\n".join(draw(st.permutations(lines))) + "\n")


def expand_all(main: MainCf) -> "tuple[dict[str, str], list[str]]":
    """(values, what was wrong) of the definitions, as discover has them."""
    defaults = {**USUAL_DEFAULTS, "config_directory": "/etc/postfix"}
    values, said = {}, []
    for name in dict.fromkeys([*USUAL_DEFAULTS, *list(main.raw)[:EXPANDED_AT_ONCE]]):
        try:
            values[name] = main.expanded(name, defaults)
        except ExpandError as error:
            said.append(str(error))
    return values, said


def check_main(data: bytes) -> None:
    """Read, expand, judge the values, find the endpoints, and hold what is told against the secrets in it."""
    main = parse_main_cf(data, "main.cf")
    values, said = expand_all(main)
    master = parse_master_cf(b"smtp inet n - y - - smtpd\nsmtps inet n - n - 5 postscreen\n", "master.cf")
    said += [problem.text for problem in main.problems]
    findings = Values(main, master, {**USUAL_DEFAULTS}).wrong()
    said += [Statement(finding).text for finding in findings]
    endpoints, problems = find_endpoints(values, main, master, 0.0, lambda name: main.look_up(name, USUAL_DEFAULTS))
    said += [text for _, text, _, _ in problems]
    if not all(0 < endpoint.port < 65536 for endpoint in endpoints):
        raise Broken("an endpoint with no port", repr(endpoints[:3]))
    check_discovery(data, None, values)
    check_told(said)


def check_master(data: bytes) -> None:
    """Read, show every row in all its forms, find the endpoints."""
    master = parse_master_cf(data, "master.cf")
    said = [problem.text for problem in master.problems]
    for row in master.rows:
        said += [wrong for _, wrong in row.wrong_options]
        assert isinstance(str(row) + repr(row), str)
        assert row.args is not None
    settings = {name: MainCf().expanded(name, USUAL_DEFAULTS) for name in USUAL_DEFAULTS}
    endpoints, problems = find_endpoints(settings, MainCf("main.cf"), master, 0.0)
    said += [text for _, text, _, _ in problems]
    said += [Statement(finding).text for finding in Values(MainCf(), master, {**USUAL_DEFAULTS}).wrong()]
    row_settings(master, settings)
    if not all(0 < endpoint.port < 65536 for endpoint in endpoints):
        raise Broken("an endpoint with no port", repr(endpoints[:3]))
    check_discovery(None, master, settings, data)
    check_told(said)


def check_discovery(
    main: "bytes | None", _master: "MasterCf | None", values: "dict[str, str]", master: bytes = b""
) -> None:
    """The same from files, as the agent reads them; postconf is not asked."""
    place = directory()
    (place / "main.cf").write_bytes(main or b"")
    (place / "master.cf").write_bytes(master)
    instance = discover(str(place), 0.0, binary="/nonexistent/postfix", known=values or {"mail_owner": "postfix"})
    instance_directories(instance)
    check_told([text for _, text, _, _ in instance.problems])


def check_told(said: "list[str]") -> None:
    """Nothing secret is told."""
    for text in said:
        if SECRET in text:
            raise Broken("a secret in a problem", text[:200])


FIELD = mostly("smtp", "inet", "n", "-", "y", "unix", "0", "60?", "smtpd", "127.0.0.1:25", "[::1]:smtp", "postscreen")
OPTION = st.one_of(
    st.sampled_from(config_generator.OPTIONS),
    VALUE,
    st.sampled_from(SECRET_NAMES).map(lambda name: f"-o {name}=static:u:{SECRET}"),
    st.sampled_from(SECRET_NAMES).map(lambda name: f"-o {{ {name} = {SECRET} {SECRET}x }}"),
)
ROW = st.builds(
    lambda fields, options: " ".join([*fields, *options]),
    st.one_of(
        st.lists(FIELD, min_size=8, max_size=8),
        st.builds(lambda name: [name, "inet", "n", "-", "y", "-", "-", "smtpd"], FIELD),
        st.builds(lambda wake, limit: ["smtp", "inet", "n", "-", "y", wake, limit, "smtpd"], number(), number()),
    ),
    st.lists(OPTION, max_size=4),
)
ROWS = st.lists(ROW, max_size=6).map(lambda rows: encoded("\n".join(rows) + "\n"))

TARGETS = (
    Target(
        "main_cf",
        mutated(
            pick((3, main_lines()), (2, of_seed(config_generator.main_cf)), (1, of_seed(config_generator.raw_bytes)))
        ),
        check_main,
        share=3,
        fixed=60,
        cpu_s=4.0,
    ),
    Target(
        "master_cf",
        mutated(pick((3, ROWS), (2, of_seed(config_generator.master_cf)), (1, of_seed(config_generator.raw_bytes)))),
        check_master,
        share=2,
        fixed=150,
    ),
)
