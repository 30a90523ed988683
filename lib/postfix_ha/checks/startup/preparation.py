"""Which program of the distribution prepares an instance before it starts, and whether Postfix calls it by itself."""

import os

from postfix_ha.config.logical_lines import read_file
from postfix_ha.instance import Instance

# Debian's refreshes the chroot jail, Red Hat's rebuild the alias database and refresh its jail: program and arguments.
ALIASES = ("/usr/libexec/postfix/aliasesdb",)
JAIL = (
    ("/usr/lib/postfix/configure-instance.sh", "-"),
    ("/usr/libexec/postfix/chroot-update",),
)
PREPARATIONS = (JAIL[0], ALIASES, JAIL[1])
# What postfix(1) runs before master starts. Debian's post-install calls the preparation since Postfix 3.9, for
# `postfix check` too; from anywhere else, or with an argument, that preparation refuses.
SCRIPTS = ("post-install", "postfix-script")


def is_called_by_postfix(program: str, instance: Instance) -> bool:
    """Whether `postfix check` and `postfix start` of this instance run the program themselves."""
    directory = instance.daemon_directory
    scripts = (read_file(os.path.join(directory, name))[0] for name in SCRIPTS if directory)
    word = program.encode()
    return any(word in line.partition(b"#")[0] for script in scripts for line in script.splitlines())


def jail_preparation() -> "tuple[str, ...]":
    """The distribution's program, with its arguments, that refreshes the jail before each start; () for none."""
    return next((words for words in JAIL if os.access(words[0], os.X_OK)), ())


def refreshes_in_check(instance: Instance) -> bool:
    """Whether Postfix's own check writes into the instance's jail."""
    preparation = jail_preparation()
    return bool(preparation) and is_called_by_postfix(preparation[0], instance)
