"""What the wall shows now: gathered once per process, sent to every socket that may see it."""
