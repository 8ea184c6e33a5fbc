"""The formats in which sensors report: one file each."""
