"""What a file system lies on and how it is reached: volume groups, DRBD, iSCSI, NFS, and the names of devices."""
