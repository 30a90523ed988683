"""create where a hierarchy is there already: which way its parts depend on one another."""

import pytest

from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.create.plan import Wish
from postfix_ha.messages.errors import Refused
from tests.support.cibs import address, by_tag, cib, file_system, mail, node

PARTS = file_system() + address() + mail(config_dir="/etc/postfix")
# In a colocation set each member needs the one before it: here the disk is placed last, where Postfix is.
REVERSED_SET = """<rsc_colocation id="c" score="INFINITY"><resource_set id="s"><resource_ref id="mail"/>
<resource_ref id="mail-ip"/><resource_ref id="queue-fs"/></resource_set></rsc_colocation>"""


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        (REVERSED_SET, "placed with mail"),
        ('<rsc_colocation id="c" score="INFINITY" rsc="queue-fs" with-rsc="mail"/>', "placed with mail"),
        ('<rsc_order id="o" first="mail" then="queue-fs"/>', "started after mail"),
    ],
)
def test_a_part_that_depends_on_postfix_is_refused_and_no_circle_made(constraint, words):
    with pytest.raises(Refused) as caught:
        create(cib(PARTS, constraint), Wish(), node())
    assert [text for text in caught.value.reasons if text.startswith(f"queue-fs is {words}")]
    assert all("with the tool that made it" in text for text in caught.value.reasons)


def test_a_colocation_set_in_the_right_order_is_whole():
    forward = REVERSED_SET.replace('"mail"', '"x"').replace('"queue-fs"', '"mail"').replace('"x"', '"queue-fs"')
    orders = "".join(f'<rsc_order id="o-{part}" first="{part}" then="mail"/>' for part in ("mail-ip", "queue-fs"))
    document = cib(PARTS, forward + orders)
    made = create(document.copy(), Wish(), node())
    assert by_tag(made, "rsc_colocation") == by_tag(document, "rsc_colocation")
    assert by_tag(made, "rsc_order") == by_tag(document, "rsc_order")
