"""People, their guardians, devices and consents out of a table of an office: read, checked, and written row by row."""
