"""Does the instance serve: who owes a client its greeting, what takes its mail, what Postfix says of its failures."""
