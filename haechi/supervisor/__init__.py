"""Starts the servers and every process, keeps them running, tells how they are, ends them all."""

from haechi.supervisor.site import ProcessState, Site, read_site
from haechi.supervisor.supervisor import Extra, Supervisor

__all__ = ["Extra", "ProcessState", "Site", "Supervisor", "read_site"]
