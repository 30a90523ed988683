"""Why a command does not begin a change of a hierarchy: nothing was changed."""

from postfix_ha.messages.row import Row, refusal

ROWS: "tuple[Row, ...]" = (
    # Which hierarchy, which node.
    refusal("resource_runs_postfix", "resource {resource} is not a Postfix", "name one of: {known}"),
    refusal("resource_exists", "there is no resource '{resource}'", "name one of: {known}"),
    refusal("hierarchy_exists", "this cluster runs no Postfix yet", "'postfix-ha create' creates its resources"),
    refusal(
        "hierarchy_named",
        "there are several Postfix resources",
        "name one of: {known} (as in '--resource {first}')",
        joint=", so ",
    ),
    refusal("node_known", "there is no node '{node}'", "the cluster has {known}"),
    refusal(
        "node_takes_part",
        "node {node} does not take part in {tag}",
        "'postfix-ha extend {name}' first",
        cure="postfix-ha extend {node}",
    ),
    # Moves.
    refusal(
        "service_on_one_node", "{resource} is a clone, which runs on all nodes at once", "there is nothing to move"
    ),
    refusal(
        "service_stays",
        "the service would fail back to {home} at once (switchback is automatic)",
        "use --for, or 'postfix-ha properties --switchback intelligent'",
    ),
    refusal(
        "service_managed",
        "{what}, so that the cluster neither starts, stops nor moves {tag}",
        "end that first: '{ends}'",
        joint="; ",
    ),
    # Nodes and their priorities.
    refusal("nodes_preferred", "{resource} is a clone, which has no preferred nodes"),
    refusal("priority_free", "priority {priority} is taken by {other}", "each node needs its own (the lower wins)"),
    refusal("node_left", "{node} is the only node of {tag}", "'postfix-ha delete' removes the resource"),
    # What Postfix depends on.
    refusal("needed_exists", "there is no resource '{needed}'"),
    refusal(
        "needed_serves",
        "{needed} is a fence device, on which no service depends",
        "the cluster uses it wherever it runs",
        joint="; ",
    ),
    refusal("needed_is_another", "{tag} cannot depend on itself"),
    refusal("needed_goes_before", "{needed} itself depends on {tag}: the two would wait for one another"),
    refusal(
        "needed_untied",
        "{tag} depends on {needed} through a group, a resource set or another resource",
        "change that with the tool that made it",
    ),
    # Properties.
    refusal(
        "switchback_same",
        "switchback must match: that of {resource} is {theirs}, that of {tag} is {ours}",
        "'crm_resource --resource {name} --meta --set-parameter resource-stickiness --parameter-value {stickiness}' "
        "makes {resource} {ours}, or 'postfix-ha properties --resource {quoted_tag} --switchback {theirs}' makes {tag} "
        "{theirs}",
    ),
    refusal(
        "switchback_ours",
        "switchback must match, but {resource} also serves {others} and is {theirs}",
        "change all of them with the tool that made them",
    ),
    refusal("monitor_named", "there are several monitor operations", "name one by its interval or OCF_CHECK_LEVEL"),
    refusal("parameter_known", "{agent} has no parameter '{name}'", "{hint}"),
    refusal("meta_attribute_known", "Pacemaker knows no meta attribute '{name}' of a resource", "{hint}"),
    refusal("meta_value_valid", "meta attribute {name} cannot be '{value}'", "it takes {what}"),
    # What has begun and not ended.
    refusal(
        "unfinished",
        "'postfix-ha {command}' is under way or was interrupted",
        "run it again to finish it, 'postfix-ha {back}' reverts it",
    ),
    refusal(
        "unfinished_for_good", "'postfix-ha {command}' is under way or was interrupted", "run it again to finish it"
    ),
    # What the cluster says to a change.
    refusal(
        "quorum_here",
        "this part of the cluster has no quorum: a change made here is lost when the other part comes back",
        "run it on a node of the part with quorum",
        joint="; ",
    ),
    refusal("configuration_valid", "the cluster would not take this: {line}"),
)
