"""The command postfix-ha: what an administrator does with a Postfix under a cluster."""
