"""What is known of a device's voice."""

SPEAKING = 0
SILENT = 1  # told, alone
GROUPED = 2  # told, with its area
UNWATCHED = 3  # not registered, or no consent holds: when it is again, its silence counts from then
GIVEN_UP = 4  # silent for so long that nobody waits; its next report makes it speak again
