"""Services beside Postfix that main.cf and master.cf name, and that have to run where Postfix does."""
