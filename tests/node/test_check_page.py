"""What docs/check.md shows is what postfix-ha check prints, on a node with those faults."""

import re

from ci.lib.docs.blocks import CHECKOUT, blocks_of
from tests.support.mail.check_node import PROGRAM, CheckNode
from tests.support.mail.provoked import do

# The checks that the page shows, as the table names them before the place.
SHOWN = "parameter_values_valid, setgid_commands_kept, queue_storage_shared, "
ADVICE = "'postfix-ha check --peer NODE' compares"
SUM = "1 error, 1 warning, 1 note"


def test_the_page_shows_a_real_run(clean_node: CheckNode) -> None:
    (block,) = [found for found in blocks_of(CHECKOUT / "docs" / "check.md") if SUM in found.text]
    do(clean_node, "postconf -e smtpd_timeout=10x; chmod 755 /usr/sbin/postdrop")
    try:
        done = clean_node.run([PROGRAM, "check"])
    finally:
        commands = [line.strip() for line in block.text.splitlines() if line.strip().startswith("$ ")]
        do(clean_node, "\n".join(command[len("$ ") :] for command in commands))
    assert done.returncode == 2
    assert re.sub(r"/dev/loop\d+", "/dev/loop0", done.stdout) == block.text
    for check in SHOWN.split(", ")[:-1]:
        assert check in done.stdout
    assert ADVICE in done.stdout
    # And its commands have cured it.
    assert clean_node.check().ids() == clean_node.usual
