"""create and what is mounted: how the cluster can mount the same."""

import pytest

from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.create.local_node import Mount
from postfix_ha.cluster.create.plan import Wish
from postfix_ha.messages.errors import Refused
from tests.support.cibs import cib, file_system, node


def on(fstype, source="filer:/mail"):
    """A node whose queue is on a file system of this type, as the kernel shows it."""
    return node(queue="/mnt/net/q", mounts=[Mount("/mnt/net", source, fstype)])


@pytest.mark.parametrize(("shown", "mounted"), [("nfs4", "nfs4"), ("nfs", "nfs"), ("fuse.glusterfs", "glusterfs")])
def test_the_resource_has_the_type_that_mount_is_told(shown, mounted):
    made = create(cib(), Wish(), on(shown))
    parameters = made.parameters(made.resource("fs-mnt-net"))
    assert (parameters["fstype"], parameters["device"]) == (mounted, "filer:/mail")


@pytest.mark.parametrize(("fstype", "source"), [("fuse.sshfs", "filer:/mail"), ("fuseblk", "/dev/sdc1")])
def test_what_a_program_in_user_space_mounts_needs_a_resource_of_its_own(fstype, source):
    with pytest.raises(Refused) as caught:
        create(cib(), Wish(), on(fstype, source))
    assert [text for text in caught.value.reasons if fstype in text and "Filesystem resource yourself" in text]
    by_hand = cib(file_system("net", "/mnt/net", fstype))
    assert create(by_hand, Wish(), on(fstype, source)).resource("fs-mnt-net") is None


def test_what_a_mount_was_asked_to_leave_out_is_left_out_on_every_node():
    here = node(queue="/mnt/net/q", mounts=[Mount("/mnt/net", "/dev/sdc1", "ext4", "rw,nosuid,nodev,relatime,noatime")])
    made = create(cib(), Wish(), here)
    assert made.parameters(made.resource("fs-mnt-net"))["options"] == "nosuid,nodev,noatime"
    plain = create(cib(), Wish(), node(queue="/mnt/net/q", mounts=[Mount("/mnt/net", "/dev/sdc1", "ext4", "rw")]))
    assert "options" not in plain.parameters(plain.resource("fs-mnt-net"))
