"""What fills the ports of ``ticketflow.workflow.ports``, one family per package."""
