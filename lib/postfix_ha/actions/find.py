"""Find the running instance when there is no valid snapshot of it, and record what was found for the next time."""

import os
import time

from postfix_ha.actions.deadline import Step
from postfix_ha.checks.startup.lock_owners import own_locks
from postfix_ha.endpoint import KIND_POSTSCREEN, KIND_SMTP, KIND_SMTPS, Endpoint
from postfix_ha.health import check_health, is_master_of, listened_endpoints
from postfix_ha.instance import (
    CONFIG_FILES,
    DEFAULT_CONFIG_DIR,
    Instance,
    file_stamps,
    remove_snapshot,
    snapshot_path,
    write_snapshot,
)
from postfix_ha.params import Params
from postfix_ha.procfs import LOCK_FILES, boot_id, master_files, process_link, process_stat, read_bytes
from postfix_ha.request import Request
from postfix_ha.sockets import listening_sockets, parse_kernel_address
from postfix_ha.system.processes import Census, Identity, census, census_of_daemons
from postfix_ha.verdict import Finding

# The settings that the deeper levels of a monitor ask for; what else is known stays out of the snapshot.
KEPT_SETTINGS = (
    "body_checks",
    "cleanup ",
    "default_process_limit",
    "maillog_file",
    "maxproc ",
    "message_size_limit",
    "passes ",
    "postscreen_greet_wait",
    "queue_minfree",
    "socket ",
    "syslog_name",
)

DISCOVER_SHARE = 0.4
NONE: "list[Endpoint]" = []
MAIL_PORTS = {25: ("smtp", KIND_SMTP), 465: ("smtps", KIND_SMTPS), 587: ("submission", KIND_SMTP)}


class Found:
    """What is known of a running instance so far: facts, the census of its processes, whether the facts are recorded.

    ``instance`` gives way to another one when more is learned; no Instance itself is ever changed.
    """

    __slots__ = ("census", "instance", "is_recorded")

    def __init__(self, instance: Instance, people: Census, is_recorded: bool) -> None:
        self.instance = instance
        self.census = people
        self.is_recorded = is_recorded


def find_running(request: Request, params: Params, record: "Instance | None", step: Step) -> Found:
    """The instance with what lives of it; facts come from its record, else from the configuration of today."""
    if record is not None and is_master_of(record, process_stat(record.master_pid)):
        identity = Identity(params.config_dir, record)
        step("listing processes")
        return Found(record, census_of_daemons(identity, record.master_pid), True)
    instance = discover_now(request, params, step)
    identity = Identity(params.config_dir, instance)
    if record is not None:
        identity.learn(record)  # its master is gone or another's, but it knows the queue that the daemons stand in
    identity.master = None
    step(f"looking for the configuration and the queue of {params.config_dir or DEFAULT_CONFIG_DIR}")
    identity.look_up()
    step("listing processes")
    people = census(identity)
    if people.master is not None:
        instance = attached(instance, people)
        if is_edited_since_start(instance):
            heard = listened_endpoints(instance.master_pid, instance.endpoints)
            instance = instance.with_facts(
                endpoints=heard or endpoints_of_master(people, instance.endpoints) or instance.endpoints
            )
    return Found(instance, people, False)


def discover_now(request: Request, params: Params, step: Step) -> Instance:
    """What today's configuration says of the instance."""
    from postfix_ha.config.discover import discover

    step("reading the configuration")
    # A resolver that does not answer must leave time for all the rest.
    until = time.monotonic() + request.remaining_s * DISCOVER_SHARE
    return discover(params.config_dir, until, binary=params.binary)


def attached(instance: Instance, people: Census) -> Instance:
    """The instance with its master process; what the configuration did not tell, the process may."""
    assert people.master is not None
    queue_directory, stands_in = instance.queue_directory, process_link(people.master.pid, "cwd")
    # An edited queue_directory is not the one in use; of a lazily unmounted one the kernel knows no path.
    place = _directory_id(stands_in)
    if not queue_directory or (place and place == _directory_id(f"/proc/{people.master.pid}/cwd")):
        queue_directory = stands_in
    return instance.with_facts(
        master_pid=people.master.pid,
        master_start=people.master.start,
        queue_directory=queue_directory,
        daemon_directory=instance.daemon_directory or os.path.dirname(people.master.program),
        mail_owner=instance.mail_owner or _owner_of(os.path.join(queue_directory, "active")),
        endpoints=instance.endpoints or endpoints_of_master(people),
    )


def endpoints_of_master(people: Census, today: "list[Endpoint]" = NONE) -> "list[Endpoint]":
    """What can be told without the configuration that master has read: of the ports on which it listens the usual ones
    for mail, and those that today's configuration names."""
    assert people.master is not None
    ports = {**MAIL_PORTS, **{each.port: (each.service, each.kind) for each in today}}
    sockets, _ = master_files(people.master.pid)
    has_postscreen = any(member.name == "postscreen" for member in people.members)
    found = []
    for is_ipv6 in (False, True):
        for name, entries in listening_sockets(people.master.pid, is_ipv6).items():
            address, port = parse_kernel_address(name)
            if port in ports and any(inode in sockets for inode, _ in entries):
                service, kind = ports[port]
                kind = KIND_POSTSCREEN if has_postscreen and service == "smtp" else kind
                found.append(Endpoint(address, port, kind, service))
    return found


def is_edited_since_start(instance: Instance) -> bool:
    """Whether main.cf or master.cf is younger than the master process, which may then not have read it.

    The kernel's own time of the last change tells that: a copy that keeps its times, as a backup does, looks old.
    """
    started = _start_time_s(instance.master_start)
    for name in CONFIG_FILES:
        try:
            if os.stat(os.path.join(instance.config_dir, name)).st_ctime > started:
                return True
        except OSError:
            return True
    return False


def _start_time_s(start_ticks: int) -> float:
    """The wall-clock second at which a process with this start time began."""
    data = read_bytes("/proc/stat", 1 << 20) or b""
    boot_s = next((int(line.split()[1]) for line in data.splitlines() if line.startswith(b"btime ")), 0)
    return float(boot_s) + start_ticks / os.sysconf("SC_CLK_TCK")


def still_listened(instance: Instance) -> "list[Endpoint]":
    """Of the endpoints that an edited configuration names, those that master listens on; all when it is none of them.

    An edited but not reloaded configuration is no failure; a master that listens on nothing is one.
    """
    return listened_endpoints(instance.master_pid, instance.endpoints) or instance.endpoints


def judge_health(request: Request, params: Params, found: Found, step: Step) -> "list[Finding]":
    """The findings of level 0; an endpoint that today's changed configuration no longer names is not missed."""
    findings = check_health(found.instance, request.deadline)
    missed = [finding for finding in findings if finding.check in ("endpoint_listening", "address_kept")]
    if not missed or not found.is_recorded or not is_changed(found.instance):
        return findings
    today = discover_now(request, params, step)
    named = {str(endpoint) for endpoint in today.endpoints}
    kept = [endpoint for endpoint in found.instance.endpoints if str(endpoint) in named]
    found.instance = found.instance.with_facts(endpoints=kept or still_listened(found.instance))
    return check_health(found.instance, request.deadline)


def is_changed(instance: Instance) -> bool:
    """Whether main.cf or master.cf differ from what the running master read."""
    return file_stamps(instance.config_dir) != instance.stamps


def record(request: Request, params: Params, instance: Instance) -> "Finding | None":
    """Write the snapshot of a running instance; a directory that cannot be written is worth a note only."""
    snapshot = instance.with_facts(
        boot_id=boot_id(),
        queue_directory=os.path.realpath(instance.queue_directory),  # as the kernel spells it
        stamps=instance.stamps or file_stamps(instance.config_dir),
        files_local=int(_is_on_root(instance.config_dir)),
        queue_id=instance.queue_id or _directory_id(f"/proc/{instance.master_pid}/cwd"),
        locks=instance.locks or own_locks(instance.master_pid, lock_paths(instance)),
        settings={name: value for name, value in instance.settings.items() if name.startswith(KEPT_SETTINGS)},
    )
    path = snapshot_path(request.run_directory, params.config_dir)
    try:
        write_snapshot(path, snapshot)
    except OSError as error:
        return Finding("snapshot_written", path=path, why=error.strerror or str(error))
    return None


def lock_paths(instance: Instance) -> "list[str]":
    """The two files that a master holds a lock on; "" directories are left out."""
    directories = (instance.queue_directory, instance.data_directory)
    return [directory + name for directory, name in zip(directories, LOCK_FILES) if directory]


def forget(request: Request, params: Params) -> None:
    """Remove the snapshot."""
    remove_snapshot(snapshot_path(request.run_directory, params.config_dir))


def wait_until(is_so: "object", deadline: float, first_s: float = 0.004, longest_s: float = 0.05) -> bool:
    """Poll with growing pauses until the condition holds; False at the deadline."""
    pause_s = first_s
    while not is_so():  # type: ignore[operator]
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            return False
        time.sleep(min(pause_s, remaining_s))
        pause_s = min(pause_s * 1.5, longest_s)
    return True


def _is_on_root(directory: str) -> bool:
    """Whether a directory lies on the root file system or on the one of /etc: a look at it cannot hang alone."""
    found = _directory_id(directory)
    roots = [_directory_id(path) for path in ("/", "/etc")]
    return found is not None and any(root is not None and root[0] == found[0] for root in roots)


def _owner_of(path: str) -> str:
    """The name of a file's owner, "" where there is none."""
    import pwd

    try:
        return pwd.getpwuid(os.stat(path).st_uid).pw_name
    except (OSError, KeyError):
        return ""


def _directory_id(path: str) -> "tuple[int, int] | None":
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
