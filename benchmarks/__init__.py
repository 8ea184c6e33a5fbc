"""Speed shown by measuring: each module is one benchmark with `run(options) -> Result`."""
