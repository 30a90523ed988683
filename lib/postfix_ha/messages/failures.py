"""What the cluster, or a program that belongs to it, does not do or does not answer."""

from postfix_ha.messages.row import Row, failure

ROWS: "tuple[Row, ...]" = (
    # What is read.
    failure("cib_file_there", "{file}: no such file"),
    failure("cib_read", "the cluster configuration cannot be read: {why}"),
    failure("cib_is_xml", "the cluster configuration cannot be read as XML: {why}"),
    failure("cib_has_configuration", "this is not a cluster configuration: it has no <cib> with a <configuration>"),
    failure("status_read", "cannot read the cluster status: {why}"),
    failure("status_is_xml", "crm_mon's answer cannot be read: {why}"),
    failure("template_read", "the template {path} cannot be read: {why}", "install postfix-ha again", joint="; "),
    # Why it cannot be read.
    failure(
        "pacemaker_installed",
        "Pacemaker's command line programs are not installed here (package pacemaker-cli-utils)",
    ),
    failure("cluster_permitted", "run this as root, or as a member of group haclient"),
    failure(
        "cluster_runs",
        "no cluster runs on this node",
        "start it ('pcs cluster start' or 'systemctl start pacemaker')",
    ),
    # What is written.
    failure("patch_made", "crm_diff made no patch: {why}"),
    failure("change_taken", "the cluster did not take the change: {why}"),
    failure("change_undisturbed", "somebody else kept changing the configuration: given up after {attempts} attempts"),
    # What is waited for.
    failure("looked_everywhere", "the cluster has not looked for {tag} on every node yet", "try again"),
    failure("maintenance_begun", "the cluster does not put {tag} into maintenance"),
    failure("looked_again", "the cluster does not look again for {tag}: {why}"),
    failure(
        "resource_forgotten",
        "{nodes} does not forget {tag}; Postfix keeps running",
        "'postfix-ha {command}' finishes it",
        joint=", and ",
    ),
    # Drawings and drills.
    failure("graphviz_installed", "Graphviz is not installed here (package graphviz)", "--dot writes its input"),
    failure("drawing_made", "dot failed: {why}"),
    failure("drill_standby_set", "{node} cannot be put in standby: {why}"),
)
