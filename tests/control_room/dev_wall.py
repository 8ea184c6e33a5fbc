"""A wall with made-up content and no servers, to look at: `python -m tests.control_room.dev_wall PORT [SCENE]`.

SCENE: district (default), empty, flood, names, drills, stale.
"""

import asyncio
import sys

import uvicorn

from tests.control_room.stand_ins import Made


async def main(port, scene):
    wall = Made(scene)
    server = uvicorn.Server(uvicorn.Config(wall.app, "127.0.0.1", port, log_level="warning"))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wall.feed.run())
        tasks.create_task(wall.hub.run())
        tasks.create_task(server.serve())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "district"))
