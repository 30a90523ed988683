"""postfix-ha drill."""
