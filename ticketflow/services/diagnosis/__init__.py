"""What is wrong with a running system, in words: each check looks at one side of it and never changes anything."""
