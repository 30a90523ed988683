"""What print says of configurations of others: all of it, and what is left by name."""

import pytest

from postfix_ha.cli.main import main
from postfix_ha.messages.statement import worded
from tests.cibs.cases import path_of

LEFT = worded("print_needs_before", name="")
SAID = {
    # A group cannot be made in part: what stands in it for others is made as well.
    ("group-with-more", "pcs"): (["resource create mail ", "resource create extra "], [LEFT]),
    ("group-with-more", "crm"): (["group g queue vip mail extra"], [LEFT]),
    ("bundle-behind", "pcs"): (["mail with web ", LEFT + "web"], []),
    ("apart-by-site", "crm"): (["node-attribute=site", LEFT + "db"], []),
    # pcs refuses a rule for what is stopped.
    ("location-role-stopped", "pcs"): (
        ["role=Promoted", "# pcs has no command for: add constraint rs"],
        ["role=Stopped"],
    ),
    ("location-rule-by-meta", "pcs"): (["# pcs has no command for: add constraint vs: mail by rule vs-r"], ["until"]),
    ("location-rule-by-meta", "crm"): (["# crm has no line for: add constraint vs: mail by rule vs-r"], ["until"]),
}


@pytest.mark.parametrize(("name", "form"), SAID)
def test_print_tells_all_and_names_the_rest(name, form, capsys):
    assert main(["print", "--tag", "mail", "--format", form, "--cib-file", path_of(name)]) == 0
    printed = capsys.readouterr().out
    words, never = SAID[name, form]
    assert [each for each in words if each not in printed] == [], printed
    assert [each for each in never if each in printed] == [], printed
