"""Postfix's own configuration, read as Postfix reads it: main.cf, master.cf, and the endpoints they make."""
