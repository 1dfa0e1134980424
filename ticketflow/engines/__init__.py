"""What fills the ports of ``ticketflow.workflow.ports``, one family per package."""

import os

# Before NumPy is imported, which reads it then. A step has one core; OpenBLAS would wake a thread on each of the others
# for every product, and leave it spinning: 66 ms of processor time instead of 38 for a ticket that tells a story.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
