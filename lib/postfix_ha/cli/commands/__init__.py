"""The commands of postfix-ha, one file each."""
