"""The rules of the house that a reader relies on: which way imports point, who may do what, how long things are."""

import ast
import functools
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "lib/postfix_ha"
MODULES = sorted(str(path.relative_to(LIBRARY)) for path in LIBRARY.rglob("*.py"))
SCRIPTS = [CHECKOUT / "agents/postfix_ha"]
LINES_PER_FILE, LINES_PER_FUNCTION = 300, 40

# What the recurring monitor may load without a thought; each other import costs it measurable time.
HOT_IMPORTS = {"sys", "os", "time", "errno", "fcntl", "select", "_socket"}
# Folder -> the folders that it may import; all may import the modules of the root, and __init__ of each is empty. Each
# line names folders of lines above it alone, so there is no way back.
LAYERS = {
    "messages": {"system"},
    "system": set(),
    "storage": {"system"},
    "config": {"system"},
    "sharing": {"system"},
    "checks/startup": {"config", "system"},
    "checks/services": {"config", "sharing", "system"},
    "checks": {"checks/services", "checks/startup", "config", "sharing", "storage", "system"},
    "actions/serving": {"checks/startup", "config", "messages", "system"},
    "actions": {"actions/serving", "checks/startup", "config", "messages", "sharing", "system"},
    "peers": {"checks", "checks/services", "checks/startup", "config", "messages", "sharing", "storage", "system"},
    "cluster/model": {"config", "messages"},
    "history": {"config", "messages", "peers", "system"},
    "cluster/live": {"cluster/model", "messages", "system"},
    "cluster/where": {"cluster/live", "cluster/model", "messages", "system"},
    "cluster/change": {"cluster/live", "cluster/model", "messages", "system"},
    "cluster/create": {
        "cluster/change", "cluster/live", "cluster/model", "cluster/where", "config", "messages", "storage",
        "system",
    },
    "cluster/show": {"cluster/change", "cluster/live", "cluster/model", "cluster/where", "messages", "system"},
    "drill": {"cluster/change", "cluster/live", "cluster/model", "config", "messages", "system"},
}  # fmt: skip
BELOW_CLI = set(LAYERS)
LAYERS["cli"] = BELOW_CLI
LAYERS["cli/trial"] = LAYERS["cli/manual"] = LAYERS["cli/drill"] = BELOW_CLI | {"cli"}
LAYERS["cli/commands"] = BELOW_CLI | {"cli", "cli/trial", "cli/manual", "cli/drill"}
LAYERS["cluster"] = set()
# What the root loads late, and the one module that is above the commands: it makes the command line of all of them.
LATE = {"monitor.py": {"actions"}, "report.py": {"messages"}, "verdict.py": {"messages"}, "barrier.py": set()}
ENTRY = "cli/main.py"
FILES_PER_FOLDER = 20
FORKING = {"actions/deadline.py", "system/child.py", "drill/guard.py"}
# Who opens anything by a path of its own, and what. All else goes through system/files.py: what has a name that others
# can reach may be a FIFO, a device, a link, or without end.
OPENING = {
    "system/files.py": "what others may have made",
    "checks/startup/queue_files.py": "the queue directory itself",
    "cli/trial/steps.py": "the data directory itself",
    "procfs.py": "/proc",
    "sockets.py": "/proc",
    "actions/serving/connections.py": "/proc",
    "cluster/create/local_node.py": "/proc",
    "system/mounts.py": "/proc and /sys",
    "instance.py": "root's own snapshot",
    "report.py": "the cluster's log",
    "actions/metadata.py": "our own meta-data",
    "cli/manual/manual_command.py": "our own pages",
    "config/postconf.py": "a file in a new directory of ours",
    "history/log_files.py": "what system/files.py has opened",
    "checks/tls.py": "memory",
    "cluster/live/pacemaker.py": "memory",
    "system/child.py": "a pipe",
    "system/command.py": "a terminal",
    "agent.py": "/dev/null",
    "cli/main.py": "/dev/null",
    "drill/guard.py": "/dev/null",
}
FORBIDDEN_WORDS = {"utils", "util", "helper", "helpers", "common", "manager"}


@functools.cache
def tree(module):
    return ast.parse((LIBRARY / module).read_text(encoding="utf-8"))


def folder(module):
    """The folder of a module below lib/postfix_ha, such as cluster/model; empty for the root."""
    return module.rpartition("/")[0]


def imported(node):
    """The modules that an import statement names; ``from postfix_ha import x`` names postfix_ha.x."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, "relative imports hide where they point"
    if node.module == "postfix_ha":
        return [f"postfix_ha.{alias.name}" for alias in node.names]
    return [node.module]


def is_type_checking(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@functools.cache
def imports(module):
    """(module name, whether it is loaded when this one is) for each import that really happens."""
    found = []

    def walk(node, is_top):
        for child in ast.iter_child_nodes(node):
            if is_type_checking(child):
                continue
            if isinstance(child, (ast.Import, ast.ImportFrom)):
                found.extend((name, is_top) for name in imported(child))
            walk(child, is_top and not isinstance(child, (ast.FunctionDef, ast.Lambda)))

    walk(tree(module), True)
    return found


def folder_imported(name):
    """The folder of our library that a module name points into; None for a foreign module, empty for the root."""
    if not name.startswith("postfix_ha"):
        return None
    path = "/".join(name.split(".")[1:])
    return path if (LIBRARY / path).is_dir() and path else path.rpartition("/")[0]


def functions(module):
    return [node for node in ast.walk(tree(module)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def functions_of(node):
    return [member for member in node.body if isinstance(member, ast.FunctionDef)]


@functools.cache
def calls(module):
    """The dotted names of all attributes and names used in a module."""
    return {ast.unparse(node) for node in ast.walk(tree(module)) if isinstance(node, (ast.Attribute, ast.Name))}


def test_the_library_is_there():
    assert "agent.py" in MODULES
    assert {folder(module) for module in MODULES} == {"", *LAYERS}


def test_the_layers_have_no_way_back():
    seen = set()
    for own, below in LAYERS.items():
        assert below <= seen | {"system"} or own == "messages", own
        assert own not in below
        seen.add(own)


@pytest.mark.parametrize("place", ["", *LAYERS])
def test_a_folder_can_be_looked_over(place):
    assert sum(folder(module) == place for module in MODULES) <= FILES_PER_FOLDER


@pytest.mark.parametrize("module", [module for module in MODULES if not folder(module)])
def test_a_root_module_loads_only_what_a_monitor_can_afford(module):
    at_load = {name for name, is_top in imports(module) if is_top}
    foreign = {name for name in at_load if folder_imported(name) is None}
    assert foreign <= HOT_IMPORTS
    assert not {name for name in at_load if folder_imported(name)}, "a folder's module is loaded inside a function"
    late = {folder_imported(name) for name, is_top in imports(module) if not is_top} - {None, ""}
    assert late <= LATE.get(module, set())


@pytest.mark.parametrize("module", [module for module in MODULES if folder(module)])
def test_imports_point_one_way(module):
    own = folder(module)
    targets = {folder_imported(name) for name, _ in imports(module)} - {None, "", own}
    assert targets <= LAYERS[own] | ({"cli/commands"} if module == ENTRY else set())


def test_no_module_imports_itself_in_a_circle():
    edges = {}
    for module in MODULES:
        name = "postfix_ha." + module[: -len(".py")].replace("/", ".").replace(".__init__", "")
        # All of them, also those inside functions: what is loaded late is needed all the same. The one exception is the
        # table of agent.py, which names as text what does each action.
        edges[name] = {target for target, _ in imports(module) if target.startswith("postfix_ha.")}
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            path.append(name)
            for target in edges.get(name, ()):
                visit(target)
            path.pop()
            done.add(name)

    for name in edges:
        visit(name)


# Below these nobody takes the options of the command line as they are.
TAKE_OPTIONS = {"cli/cluster_command.py", "cli/main.py"}


@pytest.mark.parametrize("module", MODULES)
def test_the_command_line_ends_at_the_commands_own_file(module):
    functions_here = functions(module)
    is_command = any(node.name.startswith("run_") for node in functions_here)
    takes = {node.name for node in functions_here if "Namespace" in ast.unparse(node.args)}
    assert not takes or is_command or module in TAKE_OPTIONS, takes
    changed = [
        node.lineno
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "options"
    ]
    assert changed == [], "the options are what was asked for: nobody changes them"


def test_modules_are_loaded_by_name_in_one_place():
    """Else an import, and with it a circle, could hide in a text."""
    by_name = {"__import__", "import_module", "importlib"}
    found = {module for module in MODULES if by_name & {part for name in calls(module) for part in name.split(".")}}
    assert found == {"agent.py"}
    named = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and re.fullmatch(r"postfix_ha\.(?!xml)[a-z_.]+", str(node.value))
    }
    assert named == {"agent.py"}


def test_what_is_said_of_findings_lies_below_what_judges_them():
    """verdict.py asks the catalogue for codes, report.py for sentences: neither may ask anything of them."""
    for module in [*(module for module in MODULES if folder(module) == "messages"), "finding.py"]:
        ours = {name for name, _ in imports(module) if name.startswith("postfix_ha")}
        assert {name for name in ours if not name.startswith("postfix_ha.messages")} <= {
            "postfix_ha.codes",
            "postfix_ha.finding",
            "postfix_ha.printable",
            "postfix_ha.system.quoting",
        }, module


@pytest.mark.parametrize("module", [module for module in MODULES if folder(module) == "cluster/model"])
def test_a_model_runs_nothing(module):
    used = {name for name, _ in imports(module)}
    assert not {
        name
        for name in used
        if name.startswith(("postfix_ha.system.command", "subprocess", "postfix_ha.config.postconf"))
    }


@pytest.mark.parametrize(
    ("name", "owners"),
    [
        # A process is started in one place, as a list of words, never through a shell.
        ("subprocess", {"system/command.py"}),
        ("os.system", set()),
        ("os.popen", set()),
        # What may hang (a read from a dead disk) is looked at by a child, which ends by itself.
        ("os.fork", FORKING),
        # The caller's environment is read in one place; report mends it for the stock ocf library.
        ("os.environ", {"request.py", "report.py"}),
        ("os.getenv", set()),
        # The agent ends in one place, so that its exit code is decided in one place; a forked child ends itself.
        ("os._exit", {"barrier.py"} | FORKING),
        ("sys.exit", set()),
        ("exit", set()),
        ("eval", set()),
        ("exec", set()),
    ],
)
def test_one_place_alone_does_it(name, owners):
    users = {module for module in MODULES if name in calls(module) or name in {used for used, _ in imports(module)}}
    assert users <= owners


# Kernel tables, and what a recurring monitor reads for the price of no further import.
READ_DIGITS = {"whole_number.py", "procfs.py", "params.py", "request.py"}


@pytest.mark.parametrize("module", MODULES)
def test_numbers_that_others_wrote_are_read_in_one_place(module):
    """isdigit() is true of "²", which int() does not read, and int() refuses thousands of digits."""
    methods = {node.attr for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
    assert module in READ_DIGITS or not methods & {"isdigit", "isdecimal", "isnumeric"}


def opens(module):
    """Whether a module opens, makes or reads files by other means than system/files.py."""
    names = {"open", "os.open", "io.open", "tempfile.mkstemp"}
    called = [node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    methods = {func.attr for func in called if isinstance(func, ast.Attribute)}
    reads_paths = methods & {"read_text", "read_bytes", "write_text", "write_bytes"}
    return bool(names & {ast.unparse(func) for func in called}) or bool(reads_paths)


@pytest.mark.parametrize("module", MODULES)
def test_files_that_others_can_reach_are_opened_in_one_place(module):
    assert not opens(module) or module in OPENING


@pytest.mark.parametrize("module", MODULES)
def test_nothing_swallows_every_error(module):
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            if caught in ("everything", "BaseException", "Exception"):
                assert module == "barrier.py", f"line {node.lineno}: only the crash barrier catches {caught}"


@pytest.mark.parametrize("module", MODULES)
def test_files_and_functions_are_short(module):
    lines = (LIBRARY / module).read_text(encoding="utf-8").count("\n")
    assert lines <= LINES_PER_FILE
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions(module)}
    assert {name: count for name, count in long.items() if count > LINES_PER_FUNCTION} == {}


@pytest.mark.parametrize("module", MODULES)
def test_everything_public_states_its_contract(module):
    assert ast.get_docstring(tree(module)) or not tree(module).body, "the module has no docstring"
    top = tree(module).body
    classes = {node.name: node for node in top if isinstance(node, ast.ClassDef)}
    # A method states its contract once: where it is declared, not again in each class that fills it in.
    told = {
        name: {member.name for member in functions_of(node) if ast.get_docstring(member)}
        for name, node in classes.items()
    }
    defined = top + [
        member
        for node in classes.values()
        for member in functions_of(node)
        if not any(member.name in told.get(ast.unparse(base), ()) for base in node.bases)
    ]
    named = [node for node in defined if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"]
    assert [node.name for node in named if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("module", MODULES)
def test_names_say_what_things_are(module):
    defined = [node.name for node in ast.walk(tree(module)) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    for name in [*module[: -len(".py")].split("/"), *defined]:
        words = set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))
        assert not words & FORBIDDEN_WORDS, name


def test_the_agent_is_a_short_script_for_the_bare_interpreter():
    text = (CHECKOUT / "agents/postfix_ha").read_text(encoding="utf-8")
    assert text.splitlines()[0] == "#!/usr/bin/python3 -IS"
    assert text.count("\n") <= 40


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith(("cli/", "drill/", "cluster/"))])
def test_what_is_printed_goes_through_the_one_module_that_escapes_it(module):
    if module == "cli/output.py":
        return
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{module}:{node.lineno}"
        if isinstance(node, ast.Attribute) and node.attr in ("write", "buffer", "writelines"):
            whose = ast.unparse(node.value)
            assert whose not in ("sys.stdout", "sys.stderr", "stream"), f"{module}:{node.lineno}"


def test_no_test_imports_a_test():
    """What several tests need stands in tests/support, or in a file beside them that holds no test."""
    found = []
    for path in (CHECKOUT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [name for each in imported(node) for name in each.split(".")]
                names += [alias.name for alias in node.names]
                found += [f"{path.name}: {name}" for name in names if name.startswith("test_")]
    assert found == []
