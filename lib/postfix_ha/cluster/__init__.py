"""The cluster's configuration: reading it, planning a change of it, and making that change at once."""
