"""Checks of TLS keys and certificates: there, usable, belonging together, not expired.

Each file is read once, up to a limit, and OpenSSL gets what was read: by the time that it opened the path itself, its
owner might have put a FIFO there.
"""

import contextlib
import os
import stat
import time

from postfix_ha.checks.node_facts import Survey
from postfix_ha.config.master_cf import MasterRow
from postfix_ha.system.files import MEBIBYTE, read_regular
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# A bundle of every authority there is has a quarter of it.
PEM_MAX = 2 * MEBIBYTE
SOON_DAYS = 14
DAY_S = 86400
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Program -> what its parameters begin with.
PREFIXES = {"smtpd": "smtpd", "tlsproxy": "smtpd", "smtp": "smtp", "lmtp": "lmtp"}
# Certificate and key parameters after smtp_tls_, lmtp_tls_ and smtpd_tls_.
PAIRS = (("cert_file", "key_file"), ("eccert_file", "eckey_file"), ("dcert_file", "dkey_file"))
SERVER_LEVELS = ("may", "encrypt")
OFF = ("", "none")
KEY, CERTIFICATE = b"PRIVATE KEY-----", b"-----BEGIN CERTIFICATE"
MISMATCH = "KEY_VALUES_MISMATCH"
PASS_PHRASE = (b"ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")


class KeyPair:
    """A certificate and its key as one service uses them; ``where`` is (file, line) of what names them."""

    __slots__ = ("certificate", "key", "key_parameter", "parameter", "where")

    def __init__(
        self, certificate: str, key: str, parameter: str, key_parameter: str, where: "tuple[str, int]"
    ) -> None:
        self.certificate = certificate
        self.key = key
        self.parameter = parameter
        self.key_parameter = key_parameter
        self.where = where


def check_tls(survey: Survey) -> "list[Finding]":
    """tls_file_present, tls_file_readable, tls_key_matches, tls_key_private, tls_certificate_valid and _lasting."""
    found: "list[Finding]" = []
    for pair in pairs_in_use(survey):
        found += [finding for finding in _check_pair(pair) if finding not in found]
    return found


def pairs_in_use(survey: Survey) -> "list[KeyPair]":
    """The pairs of every service that offers or asks for TLS, each once."""
    found: "dict[tuple[str, str], KeyPair]" = {}
    for row in survey.master.rows:
        service = TlsService(survey, row)
        if service.prefix and service.uses_tls:
            for pair in service.pairs():
                found.setdefault((pair.certificate, pair.key), pair)
    return list(found.values())


class TlsService:
    """A row of master.cf as one that talks TLS; ``prefix`` begins its parameters, "" where it does not."""

    __slots__ = ("prefix", "row", "survey")

    def __init__(self, survey: Survey, row: MasterRow) -> None:
        self.survey = survey
        self.row = row
        self.prefix = PREFIXES.get(row.program, "")

    @property
    def uses_tls(self) -> bool:
        """Whether a server offers TLS; a client shows a certificate only where it is given one."""
        if self.prefix != "smtpd":
            return True
        if self.value("smtpd_tls_wrappermode") == "yes":
            return True
        level = self.value("smtpd_tls_security_level")
        return level in SERVER_LEVELS or (
            not level and "yes" in map(self.value, ("smtpd_use_tls", "smtpd_enforce_tls"))
        )

    def value(self, name: str) -> str:
        """A parameter's value for this service."""
        return self.survey.row_value(self.row, name)

    def pairs(self) -> "list[KeyPair]":
        """Its certificates with their keys: the chain files where there are any, else the older parameters."""
        name = f"{self.prefix}_tls_chain_files"
        files = self.value(name).replace(",", " ").split()
        if files:
            return [KeyPair(certificate, key, name, name, self._where(name)) for certificate, key in _chain(files)]
        found = []
        for certificate_end, key_end in PAIRS:
            name, key_name = f"{self.prefix}_tls_{certificate_end}", f"{self.prefix}_tls_{key_end}"
            certificate, key = self.value(name), self.value(key_name)
            if certificate not in OFF:
                found.append(KeyPair(certificate, key or certificate, name, key_name, self._where(name)))
        return found

    def _where(self, name: str) -> "tuple[str, int]":
        return (self.survey.master.file, self.row.line) if name in self.row.options else self.survey.locate(name)


def _chain(files: "list[str]") -> "list[tuple[str, str]]":
    """(certificate, key) of each pair in a list of files; a key comes before its certificates, there or in front."""
    pairs = []
    key = ""
    for path in files:
        data = _read_or_nothing(path)
        if KEY in data and CERTIFICATE not in data:
            key = path
            continue
        pairs.append((path, key if key and KEY not in data else path))
        key = ""
    return pairs


def _check_pair(pair: KeyPair) -> "list[Finding]":
    """The findings of one pair: whether it can be used at all, and for how long."""
    file, line = pair.where
    about = {"file": file, "line": line}
    for path, parameter in ((pair.certificate, pair.parameter), (pair.key, pair.key_parameter)):
        why = _why_unusable(path)
        if why is None:
            return [Finding("tls_file_present", path=path, parameter=parameter, **about)]
        if why:
            return [Finding("tls_file_readable", path=path, parameter=parameter, why=why, **about)]
    found = _check_key_mode(pair, about)
    refusal = _refusal_of_pair(pair)
    if refusal == MISMATCH:
        values = {"path": pair.certificate, "key": pair.key, "parameter": pair.parameter}
        return [*found, Finding("tls_key_matches", **values, **about)]
    if refusal:
        why = refusal.replace("_", " ").lower()
        return [*found, Finding("tls_file_readable", path=pair.key, parameter=pair.parameter, why=why, **about)]
    return found + check_dates(pair.certificate, pair.parameter, about)


def _why_unusable(path: str) -> "str | None":
    """Why a file is of no use, "" where it is; None where there is no such file."""
    try:
        data = _read(path)
    except OSError as error:
        return error.strerror or str(error)
    if data is None:
        return None
    if b"-----BEGIN " not in data:
        return "it holds nothing in PEM form"
    return "the key has a pass phrase, which no daemon can give" if any(word in data for word in PASS_PHRASE) else ""


def _read(path: str) -> "bytes | None":
    """The content of a file, None where there is none; raises OSError where it cannot be read."""
    try:
        return read_regular(path, PEM_MAX)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _in_memory(path: str) -> "Iterator[str]":
    """A path of what a file holds now; OSError where it cannot be read."""
    copy = os.memfd_create("pem")
    try:
        with open(copy, "wb", closefd=False) as file:
            file.write(read_regular(path, PEM_MAX))
        yield f"/proc/self/fd/{copy}"
    finally:
        os.close(copy)


def _read_or_nothing(path: str) -> bytes:
    try:
        return _read(path) or b""
    except OSError:
        return b""


def _check_key_mode(pair: KeyPair, about: "dict[str, object]") -> "list[Finding]":
    try:
        mode = stat.S_IMODE(os.stat(pair.key).st_mode)
    except OSError:
        return []  # gone meanwhile
    if not mode & stat.S_IROTH:
        return []
    values = {"path": pair.key, "parameter": pair.key_parameter, "mode": f"{mode:04o}"}
    return [Finding("tls_key_private", **values, **about)]


def _refusal_of_pair(pair: KeyPair) -> str:
    """OpenSSL's name of why it refuses the key with the certificate, "" where it takes them."""
    import _ssl

    context = _ssl._SSLContext(_ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")  # whether a key is long enough is not the question
    try:
        with _in_memory(pair.certificate) as certificate, _in_memory(pair.key) as key:
            context.load_cert_chain(certificate, key, lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
    return ""


def validity(path: str) -> "tuple[float, float] | None":
    """(not before, not after) in seconds since the epoch of the first certificate in a file, None for none."""
    import _ssl  # all that ssl itself has; that costs four times as much to load

    try:
        with _in_memory(path) as copy:
            decoded = _ssl._test_decode_cert(copy)  # type: ignore[attr-defined]
        return _seconds(decoded["notBefore"]), _seconds(decoded["notAfter"])
    except (OSError, KeyError, ValueError):
        return None


def _seconds(text: str) -> float:
    """The seconds of a date such as ``Jan  5 09:34:43 2030 GMT``."""
    import calendar

    month, day, clock, year, _ = text.split()
    hour, minute, second = clock.split(":")
    moment = (int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
    return float(calendar.timegm(moment))


def check_dates(path: str, parameter: str, about: "dict[str, object]") -> "list[Finding]":
    """tls_certificate_valid, tls_certificate_lasting."""
    dates = validity(path)
    if dates is None:
        return [Finding("tls_file_readable", path=path, parameter=parameter, why="it holds no certificate", **about)]
    begin, end = dates
    now = time.time()
    values = {"path": path, "parameter": parameter, "date": time.strftime("%Y-%m-%d", time.gmtime(end))}
    if now >= end:
        return [Finding("tls_certificate_valid", why=f"expired on {values['date']}", **values, **about)]
    if now < begin:
        why = "is not valid before " + time.strftime("%Y-%m-%d", time.gmtime(begin))
        return [Finding("tls_certificate_valid", why=why, **values, **about)]
    days = int((end - now) / DAY_S)
    return [Finding("tls_certificate_lasting", days=days, **values, **about)] if days < SOON_DAYS else []
