"""Survey: all that the command's checks look at, asked once; what other programs tell is asked meanwhile."""

import os

from postfix_ha.checks.startup.setup import Setup
from postfix_ha.config.discover import discover
from postfix_ha.config.expand import ExpandError, expand
from postfix_ha.config.logical_lines import read_file
from postfix_ha.config.main_cf import parse_main_cf
from postfix_ha.config.master_cf import MasterRow, parse_master_cf
from postfix_ha.config.postconf import (
    Answer,
    ask_defaults,
    find_postconf,
    inert_config,
    naming_options,
    obstacle,
    read_answer,
)
from postfix_ha.config.secrets import Secrets
from postfix_ha.endpoint import WILDCARDS, is_loopback, missing_addresses
from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.params import Params
from postfix_ha.system.command import Completed, run
from postfix_ha.system.complaints import without_values
from postfix_ha.system.mounts import read_mounts
from postfix_ha.system.processes import Census, Identity, census
from postfix_ha.whole_number import whole_number


class Survey:
    """One instance on this node.

    ``values`` are all parameters as ``postconf -x`` has them (empty where postconf fails, and ``error`` says why),
    ``warnings`` what it warned of, ``main`` and ``master`` the files, ``secrets`` what of all that is not to be told,
    ``resources`` those of the cluster (id -> agent), None while they are not known.
    """

    def __init__(self, params: Params, deadline: float) -> None:
        self.params = params
        self._built_in: "set[str]" = set()
        self.deadline = deadline
        self.node = os.uname().nodename
        self.postconf = find_postconf(params.binary)
        self.config_dir = params.config_dir or DEFAULT_CONFIG_DIR
        self._read_files()
        answer = self._ask_values()
        if self.config_dir != answer.values.get("config_directory", self.config_dir) and not params.config_dir:
            self.config_dir = answer.values["config_directory"]
            self._read_files()
        self.values = answer.values if not answer.error else {}
        options = [pair for row in self.master.rows for pair in row.options.items()]
        self.secrets = Secrets(self.values, self.main.raw, options, self.is_own)
        self.error = self.secrets.complaint(without_values(answer.error))
        self.warnings = list(dict.fromkeys(self.secrets.complaint(without_values(said)) for said in answer.warnings))
        instance = discover(self.config_dir, deadline, binary=params.binary, known=self.values)
        self.setup = Setup(instance, params, deadline)
        self.instance = instance
        self.mounts = read_mounts()
        self.resources: "dict[str, str] | None" = None
        self._people: "Census | None" = None
        self._map_types: "set[str] | None" = None

    @property
    def people(self) -> Census:
        """The processes of the instance."""
        if self._people is None:
            identity = Identity(self.params.config_dir, self.instance)
            identity.look_up()
            self._people = census(identity)
        return self._people

    @property
    def map_types(self) -> "set[str]":
        """The map types that ``postconf -m`` lists."""
        if self._map_types is None:
            self._map_types = self._ask_map_types()
        return self._map_types

    @property
    def is_running(self) -> bool:
        """Whether a master process of this instance runs here."""
        return self.people.master is not None

    @property
    def service_addresses(self) -> "list[str]":
        """The addresses to listen on that move with the service: neither loopback nor a wildcard."""
        found = {endpoint.address for endpoint in self.instance.endpoints}
        return sorted(address for address in found if address not in WILDCARDS and not is_loopback(address))

    @property
    def absent_addresses(self) -> "list[str]":
        """The addresses to listen on that this node does not have."""
        try:
            return missing_addresses(sorted({endpoint.address for endpoint in self.instance.endpoints}))
        except OSError:
            return []  # netlink is closed to us

    def value(self, name: str) -> str:
        """A parameter's expanded value, "" where it is not known."""
        return self.values.get(name, "")

    def row_value(self, row: MasterRow, name: str) -> str:
        """A parameter's value for one service: its own by ``-o``, else that of main.cf."""
        own = row.options.get(name)
        return self.value(name) if own is None else self.expand(own, row)

    def expand(self, raw: str, row: MasterRow) -> str:
        """A value of a service's ``-o`` with what it refers to; as it stands where Postfix refuses it."""
        options = row.options
        try:
            return expand(raw, lambda name: options.get(name, self.values.get(name))) if "$" in raw else raw
        except ExpandError:
            return raw

    def is_own(self, name: str) -> bool:
        """Whether a parameter is the administrator's own, and not one of Postfix's."""
        if not self._built_in:
            self._built_in.update(ask_defaults(self.postconf, self.deadline).values or ("",))
        return name not in self._built_in

    def is_set(self, name: str) -> bool:
        """Whether main.cf sets the parameter."""
        return name in self.main.raw

    def locate(self, name: str) -> "tuple[str, int]":
        """The file and the line that set a parameter; line 0 where it has its default."""
        return os.path.join(self.config_dir, "main.cf"), self.main.lines.get(name, 0)

    def is_chrooted(self, row: MasterRow) -> bool:
        """Whether a service runs in the chroot jail; the default depends on compatibility_level (master_ent.c)."""
        if row.chroot != "-":
            return row.chroot == "y"
        level = self.value("compatibility_level").partition(".")[0]
        return not whole_number(level)

    def _read_files(self) -> None:
        self.main = parse_main_cf(*read_file(os.path.join(self.config_dir, "main.cf")))
        self.master = parse_master_cf(*read_file(os.path.join(self.config_dir, "master.cf")))

    def _ask_values(self) -> Answer:
        """All parameters; postconf is not asked where it cannot but fail, for it sleeps a second before it says so."""
        place = naming_options(self.params.config_dir)
        is_missing = bool(place) and not os.path.exists(self.main.file)
        if is_missing or obstacle(self.config_dir) or self.main.fatal or self.master.unreadable:
            return Answer({}, [], f"{self.config_dir} holds no configuration that postconf could read")
        answer = read_answer(self.postconf, run([self.postconf, *place, "-x"], deadline=self.deadline), None)
        if answer.error and not self.is_set("mynetworks"):
            # Without it postconf fails on every node that has not the service's address.
            argv = [self.postconf, *place, "-o", "mynetworks=127.0.0.1", "-x"]
            answer = read_answer(self.postconf, run(argv, deadline=self.deadline), None)
            answer.values.pop("mynetworks", None)
        return answer

    def _ask_map_types(self) -> "set[str]":
        """What ``postconf -m`` lists. Where the service's address is not up it refuses even that with this main.cf, and
        sleeps before it says so; then another one will do."""
        done = None
        if not self.absent_addresses and not obstacle(self.config_dir):
            done = run([self.postconf, "-c", self.config_dir, "-m"], deadline=self.deadline)
        if done is None or done.returncode != 0:
            done = self._ask_with_inert_config("-m")
        return set(done.stdout.decode("ascii", "replace").split()) if done.returncode == 0 else set()

    def _ask_with_inert_config(self, option: str) -> Completed:
        with inert_config() as directory:
            return run([self.postconf, "-c", directory, option], deadline=self.deadline)
