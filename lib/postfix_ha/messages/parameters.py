"""The parameters of the resource: wrong on every node, since the cluster's configuration is wrong."""

from postfix_ha.codes import ERR_CONFIGURED, ERR_INSTALLED
from postfix_ha.messages.row import Row

ROWS = (
    Row(
        "config_dir_given",
        "parameter",
        ERR_CONFIGURED,
        "config_dir '{value}' is not an absolute path of a configuration directory",
        "set config_dir to the directory that holds main.cf, such as /etc/postfix",
        1,
        subject="{value}",
        cure="postfix-ha check --config-dir /etc/postfix",
    ),
    Row(
        "config_dir_absolute",
        "parameter",
        ERR_INSTALLED,
        "there is no configuration directory '{value}': a bare name says nothing of where it is",
        "set config_dir to an absolute path, such as /etc/postfix",
        subject="{value}",
        cure="postfix-ha check --config-dir /etc/postfix",
    ),
    Row(
        "config_dir_given_once",
        "parameter",
        ERR_CONFIGURED,
        "config_dir is {value} but parameters has -c {option}",
        "name the configuration directory once, in config_dir",
        subject="{value}",
    ),
    Row(
        "binary_dir_given",
        "parameter",
        ERR_CONFIGURED,
        "binary '{value}' is not an absolute path of the postfix command",
        "set binary to its full path, such as /usr/sbin/postfix",
        5,
        subject="{value}",
        cure="postfix-ha check --binary /usr/sbin/postfix",
    ),
    Row(
        "parameters_valid",
        "parameter",
        ERR_CONFIGURED,
        "parameters: '{value}' is no option that the postfix command can be given by the cluster",
        "leave only -v or -D there; the configuration directory goes into config_dir",
        subject="{value}",
    ),
    Row(
        "greeting_timeout_valid",
        "parameter",
        ERR_CONFIGURED,
        "greeting_timeout '{value}' is not a whole number of seconds from 1 to {maximum_s}",
        "set it to a number of seconds, such as 10",
        subject="{value}",
    ),
    Row(
        "drain_timeout_valid",
        "parameter",
        ERR_CONFIGURED,
        "drain_timeout '{value}' is not a whole number of seconds from 0 to {maximum_s}",
        "set it to a number of seconds, such as 5; 0 turns the drain off",
        subject="{value}",
    ),
)
