"""The cluster's configuration as a document: read and edited here; nothing runs a program."""
