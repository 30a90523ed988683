"""postfix-ha check --trial, and calls of the agent by the command."""
