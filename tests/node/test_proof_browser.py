"""The report of ci/prove in a real browser: on a phone nothing is wider than the screen, in light and in dark."""

from ci.lib.prove import report as proof
from ci.lib.prove.browser import faults_of_page
from ci.lib.prove.sample import sample


def test_the_page_on_a_phone(tmp_path):
    page = proof.write(tmp_path, sample())
    assert faults_of_page(page, tmp_path, width=360) == []
    for scheme in ("light", "dark"):
        assert (tmp_path / f"prove-{scheme}.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_that_is_too_wide_is_seen(tmp_path):
    page = proof.write(tmp_path, sample())
    page.write_text(page.read_text().replace("<main>", '<main><p style="width: 900px">wide</p>'))
    found = faults_of_page(page, tmp_path, width=360)
    assert [complaint.partition(":")[0] for complaint in found] == ["light", "dark"]
    assert all("wider than the screen" in complaint for complaint in found)
