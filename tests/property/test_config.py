"""The readers of main.cf and master.cf against the real postconf, with files that hypothesis chooses."""

import contextlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from postfix_ha.checks.startup.parameter_values import Values
from postfix_ha.config.endpoints import find_endpoints
from postfix_ha.config.expand import ExpandError, expand
from postfix_ha.config.logical_lines import read_logical_lines, split_braced_words
from postfix_ha.config.main_cf import parse_main_cf
from postfix_ha.config.master_cf import parse_master_cf
from postfix_ha.verdict import Finding
from tests.property import config_generator, shapes, value_oracle
from tests.property.config_oracle import defaults, main_difference, master_difference

# ci/compare-postconf does twenty times as much; deadline None because a process is started for each file.
COMPARED = settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
FUZZED = settings(max_examples=2000, deadline=2000)


@st.composite
def files(draw: st.DrawFn, generate: object) -> bytes:
    """Files of one of the generators, with every choice hypothesis's own (so that it can shrink them)."""
    random: Random = draw(st.randoms(use_true_random=False))
    assert callable(generate)
    data = generate(random)
    assert isinstance(data, bytes)
    return data


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration directory, used again and again."""
    return tmp_path_factory.mktemp("config")


@given(files(config_generator.main_cf))
@example(b"alias_maps = a  # b\n")
@example(b"alias_maps = a\n# c\n b\n\n  #d\n c\n")
@example(b"  foo = bar\n more\nbiff = no\n")
@example(b"\xef\xbb\xbfbiff = no\nbiff = yes\n")
@example(b"biff = a\0b\n c\n")
@example(b"luser_relay = $- ${\n")
@example(b"biff = ${{$biff}=={x}?{y}}\n")
@example(b"biff = ${relayhost?a}${relayhost:b}\r\n")
@example(b"biff = ${{3.10} >=level {3.9} ? {new} : {old}}")
@example(b"biff = ${{10} < {9}}${{1a} < {9}}${{\xff} > {a}?{hi}}\n")
@example(b"config_directory = /elsewhere\nbiff = $config_directory\n")
@example(b"".join(b"v%d = $v%d\n" % (n, n + 1) for n in range(99)) + b"v99 = end\nbiff = $v0\n")
@example(b"".join(b"v%d = $v%d\n" % (n, n + 1) for n in range(100)) + b"v100 = end\nbiff = $v0\n")
@example(b"process_name = x\nbiff = $process_name\n")
@example(b"biff = $foo\nfoo = $bar\n")
@COMPARED
def test_main_cf_is_read_as_postconf_reads_it(directory: Path, data: bytes) -> None:
    """Values, errors and the lines of errors are postconf's."""
    assert main_difference(data, directory) == ""


@given(files(config_generator.master_cf))
@example(b"smtp inet n - y - - smtpd -ofoo=bar -vo x=y\n")
@example(b"smtp unix - - - - - pipe\n  flags={ a b } argv={ /bin/x y } z\n")
@example(b"smtp unix - - - - - pipe -o { = b } -o {} {x}y\n")
@example(b"smtp unix - - - ? - pipe\nsmtp unix - - - -? 0 pipe -o {a\n")
@example(b"smtp inet n - y - -\n  smtpd\n\0\n")
@example(b"smtp inet n - y - - smtpd -o -v\n - {smtpd -v}\n")
@COMPARED
def test_master_cf_is_read_as_postconf_reads_it(directory: Path, data: bytes) -> None:
    """Rows look as ``postconf -M`` shows them, and a file that postconf refuses is refused."""
    assert master_difference(data, directory) == ""


@given(files(config_generator.raw_bytes))
@settings(COMPARED, max_examples=200)
def test_files_of_raw_bytes_are_read_as_postconf_reads_them(directory: Path, data: bytes) -> None:
    """No sense in the file makes no difference either."""
    assert main_difference(data, directory) == ""
    assert master_difference(data, directory) == ""


@given(st.binary(max_size=2000))
@FUZZED
def test_any_bytes_are_parsed_without_an_exception(data: bytes) -> None:
    """Parsing ends with values and problems, whatever the bytes."""
    lines, _ = read_logical_lines(data)
    assert all(line.text[:1].strip(" \t\n\v\f\r") or not line.text for line in lines)
    assert [line.first for line in lines] == sorted(line.first for line in lines)
    main = parse_main_cf(data)
    assert set(main.lines) == set(main.raw)
    for row in parse_master_cf(data).rows:
        assert str(row)
        assert all(isinstance(value, str) for value in row.options.values())


@given(st.text(alphabet="${}()?:=<>!a1 ", max_size=60), st.text(alphabet="${}()?:=<>!a1 ", max_size=30))
@example("${{$a}=={x}?{y}}", "${{$a}=={x}?{y}}")
@example("$a", "$a$a")
@example("$a$a$a", "${a?$a$a}${a:$a}")
@FUZZED
def test_every_expansion_ends(value: str, other: str) -> None:
    """Loops and growth without end become an error, soon."""
    with contextlib.suppress(ExpandError):
        assert len(expand(value, {"a": other, "1": value}.get)) <= 1024 * 1024


@given(st.text(alphabet=" \t{}ab", max_size=40))
def test_words_in_braces_are_the_whole_text(text: str) -> None:
    """Splitting loses nothing but the blanks between words."""
    assert "".join("".join(split_braced_words(text)).split()) == "".join(text.split())


@given(files(value_oracle.main_cf_of_values))
@settings(COMPARED, max_examples=200)
def test_values_are_refused_as_postfix_refuses_them(directory: Path, data: bytes) -> None:
    """No value is taken that ends a program of Postfix, and none is refused that it takes."""
    assert value_oracle.value_difference(data, directory) == ""


def test_every_number_time_and_boolean_is_told_from_a_text(directory: Path) -> None:
    """A wrong value of each parameter that all programs or smtpd read is fatal to Postfix, and told."""
    for name in [name for known in value_oracle.names() for name in known]:
        data = f"{value_oracle.BASE}{name} = x\n".encode()
        assert value_oracle.value_difference(data, directory) == "", name


SHIPPED = [Path("/usr/share/postfix") / name for name in ("main.cf.debian", "main.cf.dist", "main.cf.tls")]


@pytest.mark.parametrize("path", [path for path in SHIPPED if path.exists()], ids=str)
def test_every_main_cf_that_the_distribution_ships_is_read_alike(directory: Path, path: Path) -> None:
    """The files that administrators begin with."""
    assert main_difference(path.read_bytes(), directory) == ""


def test_the_master_cf_that_the_distribution_ships_is_read_alike(directory: Path) -> None:
    """As above, and nothing in it is wrong to master either."""
    data = Path("/usr/share/postfix/master.cf.dist").read_bytes()
    assert master_difference(data, directory) == ""
    assert parse_master_cf(data).problems == []


@pytest.mark.parametrize("name", shapes.MAIN_CF)
def test_a_main_cf_of_the_world_is_read_alike_and_nothing_is_wrong_with_its_values(directory: Path, name: str) -> None:
    data = shapes.MAIN_CF[name].encode()
    assert main_difference(data, directory) == ""
    assert [str(finding.values) for finding in wrong_values_of(data, b"")] == []


@pytest.mark.parametrize("name", shapes.MASTER_CF)
def test_a_master_cf_of_the_world_is_read_alike_and_nothing_is_wrong_in_it(directory: Path, name: str) -> None:
    data = shapes.MASTER_CF[name].encode()
    assert master_difference(data, directory) == ""
    assert parse_master_cf(data).problems == []
    assert [str(finding.values) for finding in wrong_values_of(b"", data)] == []


def test_every_example_of_postfix_s_documentation_is_read_alike(directory: Path) -> None:
    """Those of main.cf that refer to mynetworks are left out: postconf is given another value for it here."""
    main, master = shapes.documented()
    assert len(main) > 100
    assert len(master) > 20
    for text in main:
        if "$mynetworks" not in text or "mynetworks =" in text:
            assert main_difference(text.encode(), directory) == "", text
            found = [str(finding.values) for finding in wrong_values_of(text.encode(), b"")]
            assert found == [] or "(" in text, text  # a remark in brackets beside a value is refused by Postfix too
    for text in master:
        assert master_difference(text.encode(), directory) == "", text
        assert [str(finding.values) for finding in wrong_values_of(b"", text.encode())] == [], text


def wrong_values_of(main: bytes, master: bytes) -> "list[Finding]":
    return Values(parse_main_cf(main, "main.cf"), parse_master_cf(master, "master.cf"), defaults()).wrong()


@given(
    st.text(alphabet="al127.0:[]$,;- \0\udcff", max_size=30),
    st.sampled_from(["all", "ipv4", "ipv6", "", "x"]),
    st.text(alphabet="smtp125:[]./{} \n\0\udcff", max_size=60),
)
@settings(max_examples=300, deadline=5000)
def test_endpoints_of_any_text_are_found_without_an_exception(interfaces: str, protocols: str, names: str) -> None:
    """Whatever stands in inet_interfaces and in the rows ends as an endpoint or as a problem."""
    given_settings = {"inet_interfaces": interfaces, "inet_protocols": protocols, "known_tcp_ports": names}
    rows = "".join(f"{name} inet n - n - - smtpd\n" for name in names.split())
    master = parse_master_cf(rows.encode("utf-8", "surrogateescape"))
    # A deadline that has passed: no name server is asked.
    made, problems = find_endpoints(given_settings, parse_main_cf(b""), master, 0.0)
    assert all(0 < endpoint.port < 65536 for endpoint in made)
    assert made or problems or not master.rows
