"""The node around Postfix: its processes, its commands, its mail dialogue."""
