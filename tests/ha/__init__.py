"""What must outlive a machine: the broker's cluster, the database's standby, a backup. ``make ha`` runs it."""
