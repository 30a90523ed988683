"""main.cf as tests write it."""

import re


def with_settings(main_cf: str, text: str) -> str:
    """The text of a main.cf with these lines, each in the place of an earlier one for the same parameter.

    Not beside it: Postfix warns of a second entry, and with maillog_file its postlogd may then wait for itself for
    ever, as its own warning fills the socket that it is to read (3.7.11).
    """
    for line in text.splitlines():
        name, equals, _ = line.partition(" =")
        place = re.compile(rf"^{re.escape(name)} *=.*$", re.M)
        if equals and not name[:1].isspace() and place.search(main_cf):
            main_cf = place.sub(lambda _, line=line: line, main_cf)
        else:
            main_cf += line + "\n"
    return main_cf
