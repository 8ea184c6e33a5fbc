"""What sees: one file per kind of model, all answering the same question."""
