"""The drill: marked mail through the service while it is moved or broken on purpose, and the account of it."""
