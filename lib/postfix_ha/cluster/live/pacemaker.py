"""Cluster: the one way to Pacemaker's own programs, on the live cluster or on a file that holds a CIB."""

import os
import time
from typing import Optional

from lxml import etree

from postfix_ha.cluster.model.cib import Cib, Element, parse
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import failed
from postfix_ha.messages.statement import Statement
from postfix_ha.printable import printable
from postfix_ha.system.command import Completed, Running, begin

CALL_S = 60.0
FILE_MAX = 64 * 1024 * 1024
COMPLAINT_MAX = 800


class Cluster:
    """A cluster to look at and to change; with ``file`` nothing but that file is touched (as with pcs -f)."""

    def __init__(self, file: str = "") -> None:
        self.file = os.path.abspath(file) if file else ""

    @property
    def is_live(self) -> bool:
        """Whether this is the running cluster."""
        return not self.file

    def call(self, *argv: str, input: bytes = b"", timeout_s: float = CALL_S) -> Completed:
        """Run one of Pacemaker's programs."""
        return self.begin(*argv, input=input, timeout_s=timeout_s).finish()

    def begin(self, *argv: str, input: bytes = b"", timeout_s: float = CALL_S) -> Running:
        """As call(), but the program runs while we do something else."""
        env = {"CIB_file": self.file} if self.file else {}
        deadline = time.monotonic() + timeout_s
        return begin(list(argv), deadline=deadline, env=env, input=input)

    def read(self) -> Cib:
        """The configuration as it is now, with the cluster's status."""
        if self.file and not os.path.isfile(self.file):
            raise failed("cib_file_there", file=self.file)
        if self.file:
            with open(self.file, "rb") as file:
                data = file.read(FILE_MAX)
            if data.lstrip()[:1] == b"<":
                return parse(data)  # cibadmin says the same, in the time of three more parses
            if not self.file.endswith(".bz2"):  # which Pacemaker's programs unpack
                raise failed("cib_file_is_cib", file=self.file)
        done = self.call("cibadmin", "--query")
        if done.returncode != 0:
            raise failed("cib_read", why=self._why(done))
        return parse(done.stdout)

    def patch(self, patch: bytes) -> Completed:
        """Apply a patch to the configuration, at once or not at all."""
        return self.call("cibadmin", "--patch", "--xml-pipe", input=patch)

    def _why(self, done: Completed) -> str:
        if done.returncode == 127:
            return Statement(Finding("pacemaker_installed")).reason
        if self.is_live and os.geteuid() != 0 and done.returncode != 0:
            return Statement(Finding("cluster_permitted")).reason
        if self.is_live and done.returncode in (102, 105):  # CRM_EX_DISCONNECT, CRM_EX_... no daemon to talk to
            return Statement(Finding("cluster_runs")).reason
        return complaint(done)

    def status(self, cib: "Optional[Cib]" = None) -> Element:
        """The status that crm_mon reports as XML, or would report for ``cib``; raises ClusterError."""
        if cib is not None:
            with Scratch() as scratch:
                return Cluster(scratch.write("status.xml", cib)).status()
        done = self.call("crm_mon", "--one-shot", "--inactive", "--output-as=xml")
        if done.returncode != 0:
            raise failed("status_read", why=self._why(done))
        try:
            answer = etree.fromstring(done.stdout)
        except etree.XMLSyntaxError as error:
            raise failed("status_is_xml", why=error.msg) from None
        errors = [each.text or "" for each in answer.iterfind("status/errors/error")]
        if answer.find("nodes") is None and errors:  # it ends with 0 even where it could not read the configuration
            raise failed("status_read", why=printable("; ".join(errors), COMPLAINT_MAX))
        return answer

    def node_name(self) -> str:
        """The name under which this node is in the cluster, "" where it is in none."""
        if not self.is_live:
            return ""
        done = self.call("crm_node", "--name")
        return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def complaint(done: Completed) -> str:
    """What a program said when it failed, in one line."""
    if done.timed_out:
        return "it did not end in time"
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return printable("; ".join(lines[-2:]), COMPLAINT_MAX) or f"exit code {done.returncode}"


class Scratch:
    """Files in memory for Pacemaker's programs, for as long as the with block lasts; however we end, none is left."""

    def __enter__(self) -> "Scratch":
        self._files: "list[int]" = []
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._files:
            os.close(descriptor)

    def empty(self, name: str) -> str:
        """The path of an empty file."""
        self._files.append(os.memfd_create(name))
        return f"/proc/{os.getpid()}/fd/{self._files[-1]}"

    def write(self, name: str, cib: Cib, without_status: bool = False) -> str:
        """Write a configuration there; returns its path."""
        cib = cib.copy()
        status: "Optional[Element]" = cib.root.find("status")
        if without_status and status is not None:
            cib.root.remove(status)
        path = self.empty(name)
        with open(self._files[-1], "wb", closefd=False) as file:
            file.write(etree.tostring(cib.root, pretty_print=True))
        return path
