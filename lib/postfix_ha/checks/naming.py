"""Checks of what Postfix takes from the node where main.cf does not say it, and of what main.cf says in vain."""

from postfix_ha.checks.hiding import HIDDEN
from postfix_ha.checks.node_facts import Survey
from postfix_ha.system.quoting import quote_words
from postfix_ha.verdict import Finding
from postfix_ha.whole_number import whole_number

NODE_STYLES = ("host", "subnet", "class")
UNUSED, UNDEFINED, OVERRIDING = "unused parameter: ", "undefined parameter: ", "overriding earlier entry: "
SHOWN = 200


def check_compatibility_level(survey: Survey) -> "list[Finding]":
    """compatibility_level_set."""
    level = ".".join(survey.value("mail_version").split(".")[:2])
    if survey.is_set("compatibility_level") or survey.value("compatibility_level") != "0" or not level:
        return []
    return [Finding("compatibility_level_set", config_dir=survey.config_dir, level=level)]


def check_myhostname(survey: Survey) -> "list[Finding]":
    """myhostname_set."""
    name = survey.value("myhostname")
    if survey.is_set("myhostname") or not name:
        return []
    domain = survey.value("mydomain")
    suggested = f"mail.{domain}" if domain and domain != "localdomain" else name
    return [Finding("myhostname_set", name=name, suggested=suggested, config_dir=survey.config_dir)]


def check_mynetworks(survey: Survey) -> "list[Finding]":
    """mynetworks_set."""
    value = survey.value("mynetworks")
    if survey.is_set("mynetworks") or survey.value("mynetworks_style") not in NODE_STYLES or not value:
        return []
    setting = f"mynetworks={value}"
    return [Finding("mynetworks_set", value=value, setting=setting, config_dir=survey.config_dir)]


def check_repeated(survey: Survey) -> "list[Finding]":
    """parameter_set_once for each parameter; log_daemon_free where Postfix's own log daemon would stumble over it."""
    found = []
    for name, earlier in survey.main.overridden.items():
        line, value = survey.main.lines[name], survey.main.raw[name]
        # Of the same value again no program of Postfix says a word.
        severity = "warning" if any(other != value for _, other in earlier) else "note"
        check = "log_daemon_free" if severity == "warning" and survey.value("maillog_file") else "parameter_set_once"
        values = {"lines": ", ".join(str(number) for number, _ in earlier) + f" and {line}", "severity": severity}
        cure = _cure_repeated(survey, name, value)
        found.append(Finding(check, name=name, file=survey.main.file, line=line, cure=cure, **values))
    return found


def _cure_repeated(survey: Survey, name: str, value: str) -> str:
    """Leave the last definition, which is the one in force; an edit by postconf alone would change them all."""
    if survey.secrets.hides(name, value) or HIDDEN in survey.secrets.text(value):
        return ""
    command = ["postconf", "-c", survey.config_dir]
    return quote_words([*command, "-X", name]) + " && " + quote_words([*command, "-e", f"{name}={value}"])


def check_parameters(survey: Survey) -> "list[Finding]":
    """parameters_known: one finding for each thing that postconf warns of."""
    found = []
    for warning in survey.warnings:
        place, _, said = warning.partition(": ")
        if said.startswith(OVERRIDING):
            continue  # parameter_set_once says more
        file, _, line = place.partition(", line ")
        if not file.startswith("/"):
            file, line, said = survey.locate("")[0], "", warning
        number = whole_number(line) or 0
        kind, _, entry = said.partition(": ")
        subject = entry.partition("=")[0].strip() or said
        if said.startswith(UNUSED):
            said = f"{kind}: {subject}"  # not its value, which may be a secret
        values = {"file": file, "subject": subject[:SHOWN], "why": said[:SHOWN]}
        if said.startswith(UNUSED) and file.endswith("main.cf"):
            number = number or survey.main.lines.get(subject, 0)
        cure = _cure(survey, file, said, subject)
        found.append(Finding("parameters_known", line=number, cure=cure, **values))
    return found


def _cure(survey: Survey, file: str, said: str, subject: str) -> str:
    """The command that takes away what is unused; nothing where what is meant cannot be known."""
    command = ["postconf", "-c", survey.config_dir]
    if said.startswith(UNUSED):
        if file.endswith("main.cf"):
            return quote_words([*command, "-X", subject])
        rows = [f"{row.name}/{row.type}/{subject}" for row in survey.master.rows if subject in row.options]
        return quote_words([*command, "-PX", *rows]) if rows else ""
    return ""
