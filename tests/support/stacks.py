"""The block devices of nodes that cannot be made here, as the kernel shows them: disks, and what is made of them."""

from pathlib import Path

from lxml import etree


class Block:
    """One device: its name in sysfs, files below it, the numbers of what it is made of, and what it hangs on."""

    def __init__(self, name, files=None, below=(), home=""):
        self.name = name
        self.files = files or {}
        self.below = below
        self.home = home


class Login:
    """One iSCSI session: its number, target and portal."""

    def __init__(self, number, target, address, port="3260"):
        self.number = number
        self.target = target
        self.address = address
        self.port = port


def show(top: Path, blocks, logins=()) -> str:
    """Make a sysfs with these devices (number -> Block) and sessions; its path."""
    for number, block in blocks.items():
        directory = top / "devices" / block.name
        (directory / "slaves").mkdir(parents=True)
        for file, words in {**block.files, "dev": number}.items():
            (directory / file).parent.mkdir(exist_ok=True)
            (directory / file).write_text(words + "\n")
        for other in block.below:
            made = directory / "slaves" / blocks[other].name
            made.mkdir()
            (made / "dev").write_text(other + "\n")
        if block.home:
            home = top / "devices" / block.home
            home.mkdir(parents=True, exist_ok=True)
            (directory / "device").symlink_to(home)
        for place in ("dev/block/" + number, "class/block/" + block.name):
            (top / place).parent.mkdir(parents=True, exist_ok=True)
            (top / place).symlink_to(directory)
    for login in logins:
        session = top / f"class/iscsi_session/session{login.number}"
        connection = top / f"class/iscsi_connection/connection{login.number}:0"
        for directory, files in (
            (session, {"targetname": login.target}),
            (connection, {"persistent_address": login.address, "persistent_port": login.port}),
        ):
            directory.mkdir(parents=True)
            for name, words in files.items():
                (directory / name).write_text(words + "\n")
    return str(top)


def with_scores(document, copies):
    """The CIB once DRBD's agent has told on n1 that its copy can be promoted."""
    found = document.copy()
    (state,) = (each for each in found.root.iter("node_state") if each.get("uname") == "n1")
    pairs = "".join(f'<nvpair id="score-{each}" name="master-{each}" value="10000"/>' for each in copies)
    attributes = f'<instance_attributes id="status-1">{pairs}</instance_attributes>'
    state.append(etree.fromstring(f'<transient_attributes id="1">{attributes}</transient_attributes>'))
    return found
