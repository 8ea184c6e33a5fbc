"""The field's vocabulary and its pure decisions: no input, no output, no clock."""
