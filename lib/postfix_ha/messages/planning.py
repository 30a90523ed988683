"""What a planned change is told to be wrong, doubtful or worth knowing: an error refuses it."""

from postfix_ha.messages.row import Row, planned

ERROR, WARNING, NOTE = "error", "warning", "note"

ROWS: "tuple[Row, ...]" = (
    # The resource of Postfix.
    planned(
        "tag_agrees", ERROR, "{config_dir} is protected already, as {tag}", "omit --resource, or delete that one first"
    ),
    planned(
        "tag_legal",
        ERROR,
        "'{tag}' cannot be a resource's id",
        "use letters, digits, - _ . and begin with a letter",
    ),
    planned("tag_free", ERROR, "the id {tag} is taken", "choose another with --resource"),
    # Addresses.
    planned("interface_present", ERROR, "there is no interface '{interface}' on this node", "it has {interfaces}"),
    planned(
        "address_can_move",
        ERROR,
        "{address} is node {owner}'s own ({why}): a cluster that moves it cuts the node off",
        "write the service's address in main.cf instead, as in 'inet_interfaces = SERVICE_ADDRESS, localhost'; or "
        "'inet_interfaces = all', and name the service's address with --address",
        joint="; ",
    ),
    planned(
        "address_left_to_service",
        ERROR,
        "{address} seems to be node {owner}'s own: {why}",
        "write the service's address in main.cf instead, as in 'inet_interfaces = SERVICE_ADDRESS, localhost'; if this "
        "one is the service's, take it from the node's own network configuration",
        joint="; ",
    ),
    planned(
        "address_in_network",
        ERROR,
        "no IPaddr2 resource manages {told}, and no interface here is in its network",
        "say how with --address {address}/PREFIX[@INTERFACE]",
    ),
    planned(
        "address_moves",
        WARNING,
        "inet_interfaces is '{value}': no address moves with the service",
        "--address ADDRESS names one",
        joint="; ",
    ),
    planned(
        "address_usable",
        ERROR,
        "{word} of inet_interfaces is {addresses} here, which no client can reach",
        "correct /etc/hosts or inet_interfaces",
    ),
    planned("address_valid", ERROR, "{why}"),
    planned(
        "address_listened_on",
        ERROR,
        "Postfix does not listen on {address} (inet_interfaces is '{value}')",
        "name it in main.cf",
    ),
    planned(
        "address_has_smtpd",
        ERROR,
        "inet_interfaces names {address}, but no smtpd or postscreen entry of master.cf listens on it",
        "add one to {config_dir}/master.cf, without a host or with this address, or correct inet_interfaces",
    ),
    # File systems.
    planned("queue_directory_known", ERROR, "main.cf does not tell the queue directory"),
    planned(
        "clone_possible",
        ERROR,
        "{queue} is on {directory}, which one node mounts at a time",
        "a clone needs a queue on each node",
    ),
    planned(
        "queue_moves",
        ERROR,
        "the queue directory {queue} is not on a file system that moves with the service",
        "mount a shared disk or an NFS export, and set queue_directory in main.cf to a directory on it",
    ),
    planned(
        "file_system_single",
        ERROR,
        "{by} mounts {directory} on more than one node at once",
        "{what} needs a file system of its own",
    ),
    planned(
        "device_single",
        ERROR,
        "{device} is mounted on {directory} here, and by the cluster's {user} elsewhere",
        "put {what} where that mounts it, or give it a device",
    ),
    planned(
        "file_system_whole",
        ERROR,
        "{directory} is a part ({root}) of the file system on {device}, which {what} needs",
        "mount the whole file system, or make its Filesystem resource yourself first",
    ),
    planned(
        "file_system_mountable",
        ERROR,
        "{directory}, with {what}, is mounted by a program in user space ({fstype}), and the kernel does not tell how",
        "make its Filesystem resource yourself first",
    ),
    planned(
        "drbd_promoted",
        ERROR,
        "{directory}, with {what}, is on {device}, and DRBD's configuration here names no resource of it",
        "put its resource file into /etc/drbd.d, on every node that has a copy",
    ),
    planned(
        "drbd_single_primary",
        ERROR,
        "DRBD resource {name}, with {directory}, may be primary on two nodes at once, which destroys the file system",
        "remove allow-two-primaries from its resource file, on every node",
    ),
    planned(
        "drbd_peer_fenced",
        WARNING,
        "DRBD resource {name}, with {directory}, does not fence its peer: after a network cut both may be promoted",
        "set fencing resource-and-stonith and the handlers fence-peer and unfence-peer in its resource file",
    ),
    planned(
        "drbd_peer_unfenced",
        WARNING,
        "DRBD resource {name}, with {directory}, never unfences its peer: the service cannot move there again",
        "set the handler unfence-peer (DRBD 8.4: after-resync-target) in its resource file, on every node",
    ),
    planned(
        "drbd_in_sync",
        WARNING,
        "DRBD resource {name}, with {directory}, is not in sync on {behind}: a move there fails, or loses mail",
        "wait until it is in sync: drbdadm wait-sync {name}",
    ),
    planned(
        "drbd_clone_promotable",
        ERROR,
        "{resource} of DRBD resource {name}, with {directory}, is in no promotable clone",
        "make one of it first",
    ),
    planned(
        "drbd_agent_installed",
        ERROR,
        "the agent ocf:linbit:drbd, which DRBD resource {name} with {directory} needs, is not on this node",
        "install drbd-utils, on every node",
    ),
    planned(
        "volume_group_known",
        ERROR,
        "LVM does not tell who may activate volume group {group}, with {directory}",
        "run as root, with lvm2 installed; vgs must show {group}",
    ),
    planned(
        "volume_group_owned",
        ERROR,
        "volume group {group}, with {directory}, has no system id: two nodes may activate it at once",
        'set system_id_source = "uname" in /etc/lvm/lvm.conf on every node, then run here:'
        " vgchange --systemid $(uname -n) {group}",
    ),
    planned(
        "volume_group_not_at_boot",
        WARNING,
        "volume group {group}, with {directory}, is activated at boot, beside the cluster",
        "vgchange --setautoactivation n {group}",
    ),
    planned(
        "volume_group_locked",
        WARNING,
        "volume group {group}, with {directory}, needs lvmlockd, which no resource of the cluster runs",
        "make a clone of ocf:pacemaker:controld and ocf:heartbeat:lvmlockd, or have both started at boot on every node",
    ),
    planned(
        "layer_managed",
        ERROR,
        "{directory}, with {what}, is on {kind} ({device}), which no resource brings up",
        "make its resource ({agent}) and its Filesystem resource yourself first",
    ),
    planned(
        "pool_imported",
        ERROR,
        "{directory}, with {what}, is in the ZFS pool {pool}, which no resource imports",
        "make an ocf:heartbeat:ZFS resource with pool={pool} first",
    ),
    planned(
        "file_system_not_at_boot",
        ERROR,
        "/etc/fstab mounts {directory} at boot, beside the cluster: two nodes would mount it at once",
        "add noauto there, on every node",
    ),
    planned(
        "file_system_local",
        WARNING,
        "{directory}, with {what}, is {fstype}",
        "mount it hard and with working locks, or mail is lost",
    ),
    # What is there already.
    planned(
        "dependency_direction",
        ERROR,
        "{resource} is {how} {tag}, and would stop with it",
        "reverse that constraint with the tool that made it",
    ),
    planned(
        "mounts_in_order",
        ERROR,
        "{inner} starts before {outer}, but its mount point is inside {outer}",
        "reverse that order with the tool that made it",
    ),
    planned(
        "switchback_agrees",
        ERROR,
        "the switchback of {resource} is {theirs}, that of the service would be {ours}",
        "choose one with --switchback, or change {resource}",
    ),
    planned(
        "part_enabled",
        ERROR,
        "{resource}, which brings {what}, is disabled in the cluster (target-role of {holder}), and Postfix needs it",
        "'pcs resource enable {holder}' first",
        joint="; ",
    ),
    planned(
        "parameter_value_here",
        WARNING,
        "{name} is set to {value}, which is not on this node",
        "Postfix cannot start on a node without it",
        joint="; ",
    ),
    planned("parts_kept", NOTE, "these stay: {kept}"),
    planned("operations_replaced", NOTE, "the operations of the resource are replaced by those of the new agent"),
    # Nodes.
    planned("node_possible", ERROR, "{node} cannot run it: {why}"),
    planned("node_named_once", ERROR, "node {node} is named twice"),
    planned("node_left_out", NOTE, "{node} takes no part: {why}"),
    planned("nodes_enough", WARNING, "only one node takes part", "'postfix-ha extend NODE' adds another"),
    planned(
        "redundancy_kept",
        WARNING,
        "no other node could run {tag} then: if {node} fails, no client is served",
        "'postfix-ha status' tells why",
        joint="; ",
    ),
    planned(
        "start_possible",
        WARNING,
        "at the moment the cluster would start {tag} on no node",
        "'postfix-ha status' tells why",
        joint="; ",
    ),
    planned(
        "clients_served",
        NOTE,
        "it stops on {nodes}, and no client is served after that",
        "'postfix-ha in-service --resource {name}' starts it again",
        joint="; ",
    ),
    # The cluster.
    planned(
        "fencing_on",
        WARNING,
        "stonith-enabled is false: two nodes may mount the queue at once and destroy it",
        "configure fencing ('pcs stonith create', then the property)",
        joint="; ",
    ),
    planned("fence_device_there", WARNING, "there is no fence device: Pacemaker starts nothing until one is there"),
    planned(
        "quorum_kept",
        WARNING,
        "no-quorum-policy is ignore: both halves of a split cluster would run the service",
        "'pcs property set no-quorum-policy=stop'",
        joint="; ",
    ),
    planned(
        "change_kept",
        WARNING,
        "somebody else has changed {tag} meanwhile: {what}",
        "the last change is {who}",
        joint="; ",
    ),
    planned("cluster_manages", WARNING, "maintenance-mode is on: nothing is started until it is off"),
)
