"""CIBs drawn: a Postfix with its file system and address, tied in one of the ways in which people tie them, on nodes in
whatever state, among constraints of every form."""

from hypothesis import strategies as st

from tests.support.cibs import ADDRESS, FENCING

NODES = ("n1", "n2", "n3", "n4")
PARTS = ("queue", "vip", "mail")
TIES = (
    '<rsc_colocation id="vq" rsc="vip" with-rsc="queue" score="INFINITY"/>'
    '<rsc_colocation id="mq" rsc="mail" with-rsc="queue" score="INFINITY"/>'
    '<rsc_colocation id="mv" rsc="mail" with-rsc="vip" score="INFINITY"/>'
    '<rsc_order id="qm" first="queue" then="mail"/><rsc_order id="vm" first="vip" then="mail"/>'
)
SETS = (
    '<rsc_colocation id="c" score="INFINITY"><resource_set id="cs"><resource_ref id="queue"/><resource_ref id="vip"/>'
    '<resource_ref id="mail"/></resource_set></rsc_colocation><rsc_order id="o" kind="Mandatory">'
    '<resource_set id="o1" sequential="false"><resource_ref id="queue"/><resource_ref id="vip"/></resource_set>'
    '<resource_set id="o2"><resource_ref id="mail"/></resource_set></rsc_order>'
)
TAGGED = (
    '<rsc_colocation id="vq" rsc="vip" with-rsc="queue" score="INFINITY"/>'
    '<rsc_colocation id="mp" rsc="mail" with-rsc="parts" score="INFINITY"/>'
    '<rsc_order id="pm" first="parts" then="mail"/>'
)
TAGS = '<tags><tag id="parts"><obj_ref id="queue"/><obj_ref id="vip"/></tag></tags>'
SCORES = ("-INFINITY", "-INFINITY", "-100", "0", "50", "1000", "INFINITY")
AGENTS = {
    "queue": ("ocf", "heartbeat", "Filesystem", {"device": "/dev/vg/q", "directory": "/mnt/queue", "fstype": "ext4"}),
    "vip": ("ocf", "heartbeat", "IPaddr2", {"ip": ADDRESS}),
    "mail": ("ocf", "mail", "postfix_ha", {}),
    "other": ("ocf", "pacemaker", "Dummy", {}),
}


def pairs(tag, owner, values):
    """A set of nvpairs, "" for none."""
    inner = "".join(
        f'<nvpair id="{owner}-{tag[:2]}-{number}" name="{name}" value="{value}"/>'
        for number, (name, value) in enumerate(values.items())
    )
    return f'<{tag} id="{owner}-{tag}">{inner}</{tag}>' if values else ""


@st.composite
def primitives(draw, name):
    class_, provider, type_, parameters = AGENTS[name]
    meta = draw(
        st.sampled_from(
            [{}] * 8
            + [
                {"target-role": "Stopped"},
                {"is-managed": "false"},
                {"maintenance": "true"},
                {"migration-threshold": "2"},
            ]
            + [{"resource-stickiness": "100"}, {"priority": "5"}, {"critical": "false"}]
            + [{"multiple-active": "block"}, {"multiple-active": "stop_only"}, {"failure-timeout": "60s"}]
        )
    )
    needs = draw(st.sampled_from([{}, {}, {}, {"memory": "2048"}]))
    on_fail = draw(st.sampled_from(["restart", "restart", "block", "ignore", "standby"]))
    return (
        f'<primitive id="{name}" class="{class_}" provider="{provider}" type="{type_}">'
        + pairs("instance_attributes", name, parameters)
        + pairs("meta_attributes", name, meta)
        + pairs("utilization", name, needs)
        + f'<operations><op id="{name}-m" name="monitor" interval="10s" on-fail="{on_fail}"/></operations></primitive>'
    )


@st.composite
def expressions(draw, identity, nodes):
    kind = draw(st.sampled_from(["uname", "uname", "attribute", "pingd", "defined", "past", "future", "range", "kind"]))
    if kind == "uname":
        operation = draw(st.sampled_from(["eq", "ne"]))
        node = draw(st.sampled_from(nodes))
        return f'<expression id="{identity}" attribute="#uname" operation="{operation}" value="{node}"/>'
    if kind == "kind":
        return f'<expression id="{identity}" attribute="#kind" operation="ne" value="cluster"/>'
    if kind == "attribute":
        return (
            f'<expression id="{identity}" attribute="site" operation="eq" value="{draw(st.sampled_from(["a", "b"]))}"/>'
        )
    if kind == "pingd":
        return f'<expression id="{identity}" attribute="pingd" operation="lt" value="1" type="number"/>'
    if kind == "defined":
        operation = draw(st.sampled_from(["defined", "not_defined"]))
        return f'<expression id="{identity}" attribute="pingd" operation="{operation}"/>'
    dates = {
        "past": 'operation="lt" end="2020-01-01"',
        "future": 'operation="lt" end="2099-01-01"',
        "range": 'operation="in_range" start="2020-01-01" end="2099-01-01"',
    }
    return f'<date_expression id="{identity}" {dates[kind]}/>'


@st.composite
def locations(draw, number, nodes, names):
    identity, score = f"l{number}", draw(st.sampled_from(SCORES))
    subject = draw(st.sampled_from(names))
    node = draw(st.sampled_from(nodes))
    kind = draw(st.sampled_from(["plain", "plain", "rule", "rule", "pattern", "set", "exclusive", "move"]))
    if kind == "rule":
        joint = draw(st.sampled_from(["and", "or"]))
        found = [draw(expressions(f"{identity}-e{each}", nodes)) for each in range(draw(st.integers(1, 3)))]
        rule = f'<rule id="{identity}-r" score="{score}" boolean-op="{joint}">{"".join(found)}</rule>'
        return f'<rsc_location id="{identity}" rsc="{subject}">{rule}</rsc_location>'
    if kind == "pattern":
        pattern = draw(st.sampled_from(["^q", "ail$", "^(vip|queue)$", "nothing"]))
        return f'<rsc_location id="{identity}" rsc-pattern="{pattern}" node="{node}" score="{score}"/>'
    if kind == "set":
        refs = "".join(f'<resource_ref id="{each}"/>' for each in draw(st.sets(st.sampled_from(names), min_size=1)))
        chosen = f'<resource_set id="{identity}-s">{refs}</resource_set>'
        return f'<rsc_location id="{identity}" node="{node}" score="{score}">{chosen}</rsc_location>'
    if kind == "exclusive":
        where = 'score="100" resource-discovery="exclusive"'
        return f'<rsc_location id="{identity}" rsc="{subject}" node="{node}" {where}/>'
    if kind == "move":
        identity = f"cli-ban-{subject}-on-{node}-{number}"
        return f'<rsc_location id="{identity}" rsc="{subject}" node="{node}" score="-INFINITY" role="Started"/>'
    return f'<rsc_location id="{identity}" rsc="{subject}" node="{node}" score="{score}"/>'


@st.composite
def others(draw):
    """What ties Postfix to another resource, which may run elsewhere or not at all."""
    kind = draw(st.sampled_from(["", "", "", "", "plain", "site", "order", "any"]))
    score = draw(st.sampled_from(["INFINITY", "-INFINITY", "500"]))
    if kind == "plain":
        return f'<rsc_colocation id="mo" rsc="mail" with-rsc="other" score="{score}"/>'
    if kind == "site":
        return f'<rsc_colocation id="mo" rsc="mail" with-rsc="other" score="{score}" node-attribute="site"/>'
    if kind == "order":
        order = draw(st.sampled_from(["Mandatory", "Optional", "Serialize"]))
        return f'<rsc_order id="om" first="other" then="mail" kind="{order}"/>'
    if kind == "any":
        need = draw(st.sampled_from(["true", "false"]))
        return (
            f'<rsc_order id="om" kind="Mandatory"><resource_set id="om-1" sequential="false" require-all="{need}">'
            '<resource_ref id="other"/><resource_ref id="fence"/></resource_set>'
            '<resource_set id="om-2"><resource_ref id="mail"/></resource_set></rsc_order>'
        )
    return ""


@st.composite
def defaults(draw):
    """What holds for all resources, at times by a rule."""
    name, value = draw(st.sampled_from([("", "")] * 10 + [("is-managed", "false"), ("target-role", "Stopped")]))
    when = '<rule id="rd-r" boolean-op="and" score="INFINITY">{}</rule>'
    date = '<date_expression id="rd-d" operation="{}" start="2020-01-01"/>'
    agent = '<rsc_expression id="rd-e" class="ocf" provider="heartbeat"/>'
    rule = draw(st.sampled_from(["", when.format(date.format("gt")), when.format(agent)]))
    pair = f'<nvpair id="rd-n" name="{name}" value="{value}"/>'
    return f'<rsc_defaults><meta_attributes id="rd">{rule}{pair}</meta_attributes></rsc_defaults>' if name else ""


def operation(name, task, code, *, interval=0, key="last_0", call=5):
    """One entry of a history."""
    transition = f"{call}:1:0:5bf1e0a2-7a34-4b0e-8f4e-0a5d4c9b1f2e"
    return (
        f'<lrm_rsc_op id="{name}_{key}" operation_key="{name}_{task}_{interval}" operation="{task}" '
        f'crm_feature_set="3.15.1" transition-key="{transition}" transition-magic="0:{code};{transition}" '
        f'call-id="{call}" rc-code="{code}" op-status="0" interval="{interval}" last-rc-change="1764000000"/>'
    )


@st.composite
def states(draw, number, node, running):
    """The state of one node, with what runs there, and what has failed there."""
    if draw(st.sampled_from([False] * 7 + [True])):
        return f'<node_state id="{number}" uname="{node}" in_ccm="false" crmd="offline" join="down" expected="down"/>'
    attributes, histories = {}, ""
    if draw(st.booleans()):
        attributes["pingd"] = draw(st.sampled_from(["0", "1000"]))
    if draw(st.sampled_from([False] * 9 + [True])):
        attributes["#health-disk"] = draw(st.sampled_from(["red", "yellow", "green"]))
    for name in running:
        done = operation(name, "start", 0)
        if draw(st.sampled_from([False] * 5 + [True])):
            done += operation(name, "monitor", 1, interval=10000, key="last_failure_0", call=6)
            attributes[f"fail-count-{name}#monitor_10000"] = draw(st.sampled_from(["1", "2", "INFINITY"]))
            attributes[f"last-failure-{name}#monitor_10000"] = "1764000000"
        _, provider, type_, _ = AGENTS[name]
        histories += f'<lrm_resource id="{name}" class="ocf" provider="{provider}" type="{type_}">{done}</lrm_resource>'
    transient = pairs("instance_attributes", f"status-{number}", attributes)
    return (
        f'<node_state id="{number}" uname="{node}" in_ccm="true" crmd="online" join="member" expected="member">'
        + (f'<transient_attributes id="{number}">{transient}</transient_attributes>' if transient else "")
        + f'<lrm id="{number}"><lrm_resources>{histories}</lrm_resources></lrm></node_state>'
    )


@st.composite
def cibs(draw):
    """A whole CIB as text."""
    nodes = list(NODES[: draw(st.integers(2, 4))])
    layout = draw(st.sampled_from(["group", "flat", "sets", "tags"]))
    parts = [draw(primitives(name)) for name in PARTS]
    names = [*PARTS, *(["parts"] if layout == "tags" else []), *(["g"] if layout == "group" else [])]
    resources = f'<group id="g">{"".join(parts)}</group>' if layout == "group" else "".join(parts)
    resources += draw(primitives("other"))
    constraints = {"group": "", "flat": TIES, "sets": SETS, "tags": TAGGED}[layout]
    constraints += "".join(draw(locations(number, nodes, names)) for number in range(draw(st.integers(0, 4))))
    tickets = ""
    if draw(st.sampled_from([False] * 5 + [True])):
        constraints += f'<rsc_ticket id="t" rsc="{draw(st.sampled_from(names[:3]))}" ticket="T" loss-policy="stop"/>'
        granted = draw(st.sampled_from(["true", "false"]))
        tickets = f'<tickets><ticket_state id="T" granted="{granted}" standby="false"/></tickets>'
    constraints += draw(others())
    options = {}
    for name, values in (
        ("symmetric-cluster", ["false"]),
        ("maintenance-mode", ["true"]),
        ("stop-all-resources", ["true"]),
        ("placement-strategy", ["utilization", "balanced", "minimal"]),
        ("node-health-strategy", ["only-green", "migrate-on-red"]),
        ("no-quorum-policy", ["ignore", "freeze"]),
        ("stonith-enabled", ["false"]),
    ):
        if draw(st.sampled_from([False] * 8 + [True])):
            options[name] = draw(st.sampled_from(values))
    entries = ""
    general = draw(defaults())
    for number, node in enumerate(nodes, 1):
        own = draw(
            st.sampled_from([{}] * 5 + [{"standby": "on"}, {"maintenance": "true"}, {"site": "a"}, {"site": "b"}])
        )
        room = draw(st.sampled_from([{}, {"memory": "1024"}, {"memory": "8192"}]))
        inner = pairs("instance_attributes", f"node-{number}", own) + pairs("utilization", f"node-{number}", room)
        entries += f'<node id="{number}" uname="{node}">{inner}</node>'
    home = draw(st.sampled_from([*nodes, ""]))
    running = list(PARTS[: draw(st.integers(0, 3))])
    twice = draw(st.sampled_from([""] * 12 + nodes))
    on = {node: running if node == home else ["mail"] if node == twice else [] for node in nodes}
    status = "".join(draw(states(number, node, on[node])) for number, node in enumerate(nodes, 1))
    quorum = draw(st.sampled_from(["1"] * 9 + ["0"]))
    return (
        f'<cib crm_feature_set="3.15.1" validate-with="pacemaker-3.7" epoch="5" num_updates="7" admin_epoch="0" '
        f'have-quorum="{quorum}" dc-uuid="1"><configuration><crm_config>'
        + (pairs("cluster_property_set", "options", options))
        + f"</crm_config><nodes>{entries}</nodes><resources>{FENCING}{resources}</resources>"
        + f"<constraints>{constraints}</constraints>{TAGS if layout == 'tags' else ''}{general}</configuration>"
        + f"<status>{tickets}{status}</status></cib>"
    )
