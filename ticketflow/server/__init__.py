"""How HTTP comes in: requests are gathered before a thread is given to them. Knows nothing of tickets."""
