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
        "config_dir '{value}' is not an absolute path, and this node has no such configuration directory",
        "set config_dir to an absolute path, such as /etc/postfix",
        subject="{value}",
        cure="postfix-ha check --config-dir /etc/postfix",
    ),
    Row(
        "config_dir_given_once",
        "parameter",
        ERR_CONFIGURED,
        "config_dir is {value} but parameters has -c {option}",
        "set the configuration directory only in config_dir, and remove -c from parameters",
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
        "parameters: the cluster cannot pass '{value}' to the postfix command",
        "use only -v or -D there; set the configuration directory in config_dir",
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
        "set it to a number of seconds, such as 5; 0 disables the drain",
        subject="{value}",
    ),
)
